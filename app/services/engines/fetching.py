"""A model of the catalogue goes in, its weights come into the Hugging Face cache."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.errors import FetchFailed
from app.services.engines.rows import ModelRow
from app.services.engines.weights import folder_of, lacking_in, wanted_files
from app.services.storage.hub import Listing, bring, list_repository


@dataclass(frozen=True, kw_only=True, slots=True)
class Shipment:
    """What is to be fetched of a model."""

    row: ModelRow
    listing: Listing
    names: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """All of it, what is there already included."""
        return sum(self.listing.files[name].size for name in self.names)


def folder_if_whole(row: ModelRow, hub: Path) -> Path | None:
    """The folder of a model's weights, if nothing of them is missing. Asks nobody."""
    folder = None if row.weights is None else folder_of(row.weights, hub)
    return None if row.weights is None or lacking_in(folder, row.weights) is not None else folder


def shipment_of(row: ModelRow) -> Shipment:
    """What would be fetched for a model. `FetchFailed` where that is nothing, or cannot be had."""
    weights = row.weights
    if weights is None:
        raise FetchFailed(f"{row.name} needs no weights")
    if weights.repository is None:
        raise FetchFailed(f"{row.name} is a checkpoint of yours, in {weights.folder}: there is nothing to fetch")
    listing = list_repository(weights.repository, weights.revision)
    return Shipment(row=row, listing=listing, names=tuple(wanted_files(listing.files, weights)))


def fetch(shipment: Shipment, hub: Path, heard: Callable[[int], None]) -> Path:
    """Fetch it; the folder that holds it. `heard` is told bytes as they come. `FetchFailed`, `StorageFailed`."""
    weights = shipment.row.weights
    assert weights is not None  # noqa: S101 - a shipment is made of rows that have some
    folder = bring(shipment.listing, shipment.names, hub, heard)
    lacks = lacking_in(folder_of(weights, hub), weights)
    if lacks is not None:
        raise FetchFailed(f"{weights.repository} was fetched, but {lacks}")
    return folder
