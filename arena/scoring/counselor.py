"""The counselor's side: judged in its chair, and by the counselor's own model looking back."""

from arena.scoring.parties import PartyView
from profiles.vocabulary import Party

VIEW = PartyView(
    party=Party.COUNSELOR,
    sees_profile=False,
    looks_back=True,
)
