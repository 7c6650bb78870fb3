"""Hooks: clients name an address, and are told there what became of their music."""

from app.services.hooks.addresses import Addresses
from app.services.hooks.hooks import Hooks
from app.services.hooks.messenger import Messenger

__all__ = ["Addresses", "Hooks", "Messenger"]
