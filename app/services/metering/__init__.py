"""Counting what happens, for whoever watches the service."""

from app.services.metering.requests import RequestTally
from app.services.metering.tally import NoTally, PrometheusTally, Tally

__all__ = ["NoTally", "PrometheusTally", "RequestTally", "Tally"]
