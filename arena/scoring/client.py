"""The client's side: the client's chair knows its own life, less what it hides."""

from arena.scoring.parties import PartyView
from profiles.vocabulary import Party

VIEW = PartyView(
    party=Party.CLIENT,
    sees_profile=True,
)
