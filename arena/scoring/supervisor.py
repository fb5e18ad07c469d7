"""The supervisor's side: the transcript and nothing else."""

from arena.scoring.parties import PartyView
from profiles.vocabulary import Party

VIEW = PartyView(
    party=Party.SUPERVISOR,
    sees_profile=False,
)
