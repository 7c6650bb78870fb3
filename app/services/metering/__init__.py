"""Counting what happens, for whoever watches the service."""

from app.services.metering.requests import RequestTally
from app.services.metering.tally import NoTally, PrometheusTally, Tallies, Tally
from app.services.metering.traces import TraceTally

__all__ = ["NoTally", "PrometheusTally", "RequestTally", "Tallies", "Tally", "TraceTally"]
