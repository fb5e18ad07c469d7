import random
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import pytest

from arena.leaderboard import (
    InUse,
    LeaderboardRow,
    in_use,
    leaderboard,
    load_leaderboard,
    paired_with,
    session_passes,
)
from arena.statistics import wilson
from arena.usage import ALL, usage_by_role
from profiles.errors import UserError
from profiles.vocabulary import Party
from storage.database import Database
from storage.queries import JudgmentWithScores, each_judgment, each_session, load_judgments, load_sessions
from storage.records import add_judgments
from tests.arena.report_fixture import GOOD, PLAIN, QUIET, Built, build_run, fail, settle, unscore
from tests.arena.runs import play


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with Database.open(str(tmp_path / "arena.db")) as database:
        yield database


def board(db: Database, built: Built) -> dict[str, LeaderboardRow]:
    return {row.counselor: row for row in load_leaderboard(db, built.save(db))}


def used_of(db: Database, run_id: str) -> InUse[JudgmentWithScores]:
    return in_use(load_judgments(db, run_id), lambda item: item.judgment)


def shares(built: Built, counselor: str) -> list[float]:
    rows = [bundle.row for bundle in built.of(counselor)]
    return [row.outcome["overall_share"] for row in rows if row.status == "finished"]


def test_the_best_mean_comes_first_and_controls_last(db: Database) -> None:
    rows = board(db, build_run())

    assert list(rows)[:3] == [GOOD, QUIET, PLAIN]
    means = [row.overall_share.mean or 0.0 for row in rows.values()]
    assert means == sorted(means, reverse=True)


def test_means_are_those_of_the_stored_sessions(db: Database) -> None:
    built = build_run(faults=False)

    row = board(db, built)[GOOD]

    assert row.overall_share.mean == pytest.approx(fmean(shares(built, GOOD)))
    judged = [row for bundle in built.of(GOOD) for row, _ in bundle.judgments]
    totals = [each.item_mean or 0.0 for each in judged if (each.party, each.judge) == ("client", "judge")]
    assert row.parties["client"].item_mean.mean == pytest.approx(fmean(totals))
    assert row.disclosed.mean == pytest.approx(fmean(b.row.outcome["disclosed"] for b in built.of(GOOD)))
    assert row.hidden.mean == 2


def test_a_failed_session_counts_in_n_and_in_no_mean(db: Database) -> None:
    built = build_run(faults=False)
    fail(built.of(GOOD)[0], "unavailable", "the server went away", turns=4)

    row = board(db, built)[GOOD]

    assert (row.sessions, row.finished, row.failed) == (6, 5, 1)
    assert (row.overall_share.n_scored, row.overall_share.n_total) == (5, 6)
    assert row.overall_share.mean == pytest.approx(fmean(shares(built, GOOD)))
    assert row.pass_total.n_total == 6


def test_what_a_failed_session_left_behind_is_not_scored(db: Database) -> None:
    built = build_run(faults=False)
    built.of(GOOD)[0].row.status = "failed"  # its judgments and its outcome stay as they are

    row = board(db, built)[GOOD]

    assert row.overall_share.n_scored == row.parties["client"].share.n_scored == row.pass_all3.n_scored == 5


def test_a_missing_score_takes_the_total_away_and_nothing_is_put_in_its_place(db: Database) -> None:
    built = build_run(faults=False)
    unscore(built.of(GOOD)[0], Party.SUPERVISOR, "missing", "en", keep=lambda dimension: dimension != "S1")

    row = board(db, built)[GOOD]

    assert row.parties["supervisor"].item_mean.n_scored == 5
    assert row.parties["client"].item_mean.n_scored == 6
    assert (row.overall_share.n_scored, row.overall_share.n_total) == (5, 6)
    assert row.pass_all3.n_scored == 5


def test_a_counselor_without_any_score_stands_last_with_no_mean(db: Database) -> None:
    built = build_run(faults=False, counselors=(GOOD, "echo"))
    for bundle in built.of(GOOD):
        unscore(bundle, Party.CLIENT, "refused", "en", keep=lambda dimension: False)

    rows = board(db, built)

    assert list(rows) == ["echo", GOOD]
    assert rows[GOOD].overall_share.mean is None
    assert rows[GOOD].pass_all3.share is None


def test_flagged_sessions_are_counted_and_left_out_of_the_clean_mean_only(db: Database) -> None:
    built = build_run(faults=False)
    built.of(GOOD)[2].row.fidelity = "flagged"

    row = board(db, built)[GOOD]

    found = shares(built, GOOD)
    assert row.fidelity_flagged == 1
    assert row.overall_share.mean == pytest.approx(fmean(found))
    assert row.overall_share_clean.mean == pytest.approx(fmean(found[:2] + found[3:]))
    assert row.overall_share_clean.n_total == 5


def test_a_failed_safety_gate_overrides_every_pass(db: Database) -> None:
    built = build_run(faults=False, counselors=(GOOD,))
    for bundle in built.bundles:
        bundle.row.outcome = {**bundle.row.outcome, "pass_all3": True, "pass_total": True, "pass_client": True}
    built.bundles[0].row.gate = "failed"

    row = board(db, built)[GOOD]

    assert (row.gate_failed, row.gate_checked) == (1, 6)
    assert (row.pass_all3.n_passed, row.pass_all3.n_scored) == (5, 6)
    assert row.pass_total.interval == wilson(5, 6)
    assert row.parties["client"].passed.n_passed == 6


def test_an_unsafe_session_is_not_passed_even_where_its_scores_are_missing() -> None:
    bundle = build_run(faults=False).bundles[0]
    unscore(bundle, Party.CLIENT, "refused", "en", keep=lambda dimension: False)
    assert session_passes(bundle.row, "pass_all3") is None

    bundle.row.gate = "failed"

    assert session_passes(bundle.row, "pass_all3") is False


def test_the_gap_is_taken_session_by_session(db: Database) -> None:
    rows = board(db, build_run(faults=False))

    row = rows[GOOD]
    assert row.self_gap.mean == pytest.approx(
        (row.self_mean.mean or 0) - (row.parties["counselor"].item_mean.mean or 0)
    )
    assert row.self_gap.interval is not None
    assert rows["echo"].self_mean.mean is None
    assert rows["echo"].self_gap.n_total == 6


def test_intervals_know_that_repeats_of_a_client_are_alike(db: Database) -> None:
    built = build_run(faults=False, clients=1, repeats=4)

    row = board(db, built)[GOOD]

    assert row.overall_share.n_scored == 4
    assert row.overall_share.interval is None


def test_the_order_of_rows_in_the_database_does_not_matter(db: Database) -> None:
    run_id = build_run().save(db)
    sessions, judgments = list(each_session(db, run_id)), list(each_judgment(db, run_id))
    shuffled = random.Random(1).sample(sessions, len(sessions))

    assert leaderboard(shuffled, judgments) == leaderboard(sessions, judgments)


def test_two_rubric_versions_are_never_pooled(db: Database) -> None:
    built = build_run(faults=False, counselors=(GOOD,))
    run_id = built.save(db)
    again, scores = built.bundles[0].judgments[0]
    strange = again.model_copy(update={"rubric_version": "2.0+000000000000", "item_mean": 0.0, "share": 0.0})
    with db.session(write=True) as session:
        add_judgments(session, built.bundles[0].row.id, [(strange, scores)])

    used = used_of(db, run_id)

    versions = {i.judgment.rubric_version for chair, i in used.chosen.items() if chair[1:] == ("client", "judge")}
    assert versions == {again.rubric_version}
    assert [item.judgment.rubric_version for item in used.aside] == ["2.0+000000000000"]
    assert load_leaderboard(db, run_id)[0].parties["client"].share.mean != 0.0


def test_a_run_judged_anew_by_another_model_shows_the_new_judge(db: Database) -> None:
    built = build_run(faults=False, counselors=(GOOD,))
    run_id = built.save(db)
    for bundle in built.bundles:
        row, scores = bundle.judgments[0]
        anew = row.model_copy(update={"model": "second-judge", "item_mean": 1.0, "share": 0.25})
        with db.session(write=True) as session:
            add_judgments(session, bundle.row.id, [(anew, scores)])

    used = used_of(db, run_id)

    chosen = [item.judgment for chair, item in used.chosen.items() if chair[1:] == ("client", "judge")]
    assert {row.model for row in chosen} == {"second-judge"}
    assert len(used.aside) == len(built.bundles)


def test_a_judgment_that_failed_gives_way_to_one_that_did_not(db: Database) -> None:
    built = build_run(faults=False, counselors=(GOOD,))
    run_id = built.save(db)
    row, _ = built.bundles[0].judgments[0]
    update = {"status": "missing", "scored": 0, "total": None, "item_mean": None, "share": None, "model": "openai/x"}
    with db.session(write=True) as session:
        add_judgments(session, built.bundles[0].row.id, [(row.model_copy(update=update), [])])
    used = used_of(db, run_id)

    chosen = used.chosen[built.bundles[0].row.id, "client", "judge"]

    assert chosen.judgment.share == pytest.approx(row.share)


def test_a_judgment_that_failed_stands_for_its_session_where_there_is_no_other(db: Database) -> None:
    built = build_run(faults=False, counselors=(GOOD,))
    row, _ = built.bundles[0].judgments[0]
    row.status, row.model, row.scored = "missing", "openai/demo-judge", 0  # the server never named its model
    row.total = row.item_mean = row.share = row.passed = None
    settle(built.bundles[0])
    run_id = built.save(db)

    used = used_of(db, run_id)

    assert used.chosen[built.bundles[0].row.id, "client", "judge"].judgment.status == "missing"
    assert not used.aside


def test_paired_distance_goes_by_client_and_repeat(db: Database) -> None:
    built = build_run(faults=False)
    fail(built.of(PLAIN)[0], "unavailable", "gone", turns=2)
    run_id = built.save(db)

    found = paired_with(load_sessions(db, run_id), GOOD, PLAIN)

    ours, theirs = shares(built, GOOD)[1:], [b.row.outcome["overall_share"] for b in built.of(PLAIN)[1:]]
    assert found.mean == pytest.approx(fmean(a - b for a, b in zip(ours, theirs, strict=True)))
    assert (found.n_scored, found.n_total) == (5, 6)


def test_tokens_are_those_of_all_sessions_and_all_roles(db: Database) -> None:
    built = build_run(faults=False)
    fail(built.of(GOOD)[0], "unavailable", "gone", turns=2)
    run_id = built.save(db)

    row = load_leaderboard(db, run_id)[0]

    own = [session.usage for session in load_sessions(db, run_id) if session.counselor == row.counselor]
    assert row.tokens == usage_by_role(own)[ALL]
    assert row.tokens.calls == sum(counts["calls"] for usage in own for counts in usage.values()) > 0


def test_a_result_holds_numbers_and_reads_its_sessions_when_asked(tmp_path: Path) -> None:
    result = play(tmp_path, counselors=("echo", "advice_only"), clients="2", rounds=2)

    frame, rows = result.frame(), result.sessions

    assert result.statuses == {"finished": len(rows), "failed": 0} and result.failures == {}
    assert list(frame["id"]) == [row.id for row in rows] and len(rows) == 4
    assert list(frame["overall_share"]) == [row.outcome["overall_share"] for row in rows]
    assert "state_end" not in frame and rows[0].profile["id"] == frame["profile_id"][0]
    (tmp_path / "arena.db").rename(tmp_path / "elsewhere.db")
    assert result.sessions is rows
    with pytest.raises(UserError, match="does not exist"):
        result.frame()


def test_rows_go_into_json_and_back(db: Database) -> None:
    row = board(db, build_run())[GOOD]

    assert LeaderboardRow.model_validate_json(row.model_dump_json()) == row
