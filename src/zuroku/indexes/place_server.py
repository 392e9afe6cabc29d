"""An index of places on a Qdrant server or cluster: loaded as a new collection, then switched by alias.

places-<16 digits>   a collection, named by the seal of its bundle
places               alias: the collection in use
places-before        alias: the one in use before it, kept for rollback

Both aliases change in one request, so that no reader meets an unfinished collection. A reader holds on to the
collection of its own bundle: rows mean the same in both, whatever is switched meanwhile. Only the engine
differs from ``place_index``.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import sleep

import numpy as np
import numpy.typing as npt
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from zuroku.errors import BundleError, DownloadError
from zuroku.indexes.place_bundle import AREAS, PlaceBundle
from zuroku.indexes.place_index import (
    PlaceNeighbours,
    Where,
    checked_query,
    checked_where,
    row_payload,
    scan_limit_kb,
    sorted_neighbours,
)

# A server too busy to answer raises a kind of its own.
_FAILURES = (ApiException, QdrantException, OSError)
_BATCH = 512
_PAGE = 10_000
_TIMEOUT_S = 60
_PAUSES_S = (1.0, 5.0, 25.0)
"""Between attempts to send a batch: long enough for a server to start again."""


def connect(address: str, api_key: str | None = None) -> QdrantClient:
    """Return a client of the server at ``address`` (``http://host:6333``) that has answered once.

    Raises:
        DownloadError: there is no Qdrant server, or it refuses the key.
    """
    with _answering(address):
        client = QdrantClient(url=address, api_key=api_key, timeout=_TIMEOUT_S, check_compatibility=False)
        client.get_collections()
    return client


def collection_name(bundle: PlaceBundle) -> str:
    """Return the name of the collection that holds ``bundle``."""
    return f"{bundle.manifest.settings.name}-{bundle.sha256[:16]}"


def publish_place_collection(bundle: PlaceBundle, client: QdrantClient) -> str:
    """Load ``bundle`` as a new collection, check it, switch the alias to it, and return its name.

    Readers are served by the old collection until the new one is whole. A load that was cut off goes on where
    it was, and one that is published but has lost photographs gets them back where it is; doing it twice
    changes nothing. The collection in use before stays for rollback, older ones are dropped.
    Only one process may publish at a time. The server makes its graph after the switch, and scans until then.

    Raises:
        BundleError: the server does not hold as many photographs as were loaded. The alias stays.
        DownloadError: the server fails, also after some pauses.
    """
    name, alias = collection_name(bundle), bundle.manifest.settings.name
    with _answering("the server"):
        if not client.collection_exists(name):
            _create(bundle, client, name)
        if _count(client, name) != len(bundle):
            _load(bundle, client, name)
            if (found := _count(client, name)) != len(bundle):
                raise BundleError(
                    f"the collection {name} holds {found} photographs after loading",
                    expected=f"the {len(bundle)} of {bundle.path}",
                    remedy="look into the server's log and its space, and publish again; if it holds others, "
                    "delete the collection there",
                )
        used = _aliases(client).get(alias)
        if used != name:
            _switch(client, alias, name, used)
        _forget_old(client, alias)
    return name


def rollback_place_collection(client: QdrantClient, alias: str) -> str:
    """Exchange the collection in use with the one before it, and return the name of what is in use now.

    Raises:
        BundleError: none before it is kept.
        DownloadError: the server fails.
    """
    with _answering("the server"):
        aliases = _aliases(client)
        used, before = aliases.get(alias), aliases.get(_before(alias))
        if before is None:
            raise BundleError(
                f"no collection before {used or 'the first'} is kept for {alias}",
                expected=f"the alias {_before(alias)}",
                remedy="publish the bundle that you want",
            )
        _switch(client, alias, before, used)
    return before


def open_place_server(bundle: PlaceBundle, client: QdrantClient) -> "ServerPlaceIndex":
    """Open the collection of a verified ``bundle``.

    Raises:
        BundleError: the server has published another bundle, or the collection is not whole.
        DownloadError: the server fails.
    """
    name, alias = collection_name(bundle), bundle.manifest.settings.name
    with _answering("the server"):
        aliases = _aliases(client)
        published = [aliases[known] for known in (alias, _before(alias)) if known in aliases]
        found = _count(client, name) if name in published else 0
    if found != len(bundle):
        raise BundleError(
            f"the server has published {', '.join(published) or 'nothing'} as {alias}"
            if name not in published
            else f"the collection {name} holds {found} photographs",
            expected=f"the collection {name} with {len(bundle)} photographs",
            remedy="publish this bundle to the server, or search with the bundle that is published",
        )
    return ServerPlaceIndex(bundle, client, name)


@dataclass(frozen=True)
class ServerPlaceIndex:
    """An index on a server: a ``PlaceIndex`` (see ``place_index``)."""

    bundle: PlaceBundle
    client: QdrantClient
    collection: str

    def search(
        self, vector: npt.NDArray[np.floating], k: int, where: Where | None = None, *, encoder_sha256: str
    ) -> PlaceNeighbours:
        """See ``PlaceIndex.search``; raises DownloadError where the server fails."""
        query = checked_query(self.bundle.manifest, vector, k, encoder_sha256)
        area = _filter(where)
        breadth = max(k, self.bundle.manifest.settings.search_breadth)
        with _answering("the server"):
            points = self.client.query_points(
                self.collection,
                query=query.tolist(),
                limit=k,
                query_filter=area,
                search_params=models.SearchParams(hnsw_ef=breadth),
                with_payload=False,
            ).points
        return sorted_neighbours([point.score for point in points], [int(point.id) for point in points])

    def count(self, where: Where | None = None) -> int:
        """See ``PlaceIndex.count``; raises DownloadError where the server fails."""
        area = _filter(where)
        with _answering("the server"):
            return self.client.count(self.collection, count_filter=area, exact=True).count

    def close(self) -> None:
        """See ``PlaceIndex.close``."""
        self.client.close()


def _filter(where: Where | None) -> models.Filter | None:
    areas = checked_where(where)
    conditions: list[models.Condition] = [
        models.FieldCondition(key=name, match=models.MatchValue(value=value)) for name, value in areas.items()
    ]
    return models.Filter(must=conditions) if conditions else None


def _create(bundle: PlaceBundle, client: QdrantClient, name: str) -> None:
    manifest, limit = bundle.manifest, scan_limit_kb(bundle.manifest)
    client.create_collection(
        name,
        vectors_config=models.VectorParams(size=manifest.dimension, distance=models.Distance.DOT),
        hnsw_config=models.HnswConfigDiff(
            m=manifest.settings.graph_links,
            ef_construct=manifest.settings.graph_breadth,
            full_scan_threshold=max(limit, 10),  # the server takes no less
        ),
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=limit),
    )


def _load(bundle: PlaceBundle, client: QdrantClient, name: str) -> None:
    """Send the rows that the collection lacks, by batches; those that it has were confirmed before."""
    for area in AREAS:
        client.create_payload_index(name, area, field_schema=models.PayloadSchemaType.KEYWORD)
    held = _held_rows(client, name, len(bundle))
    for start in range(0, len(bundle), _BATCH):
        if held[start : start + _BATCH].all():
            continue
        vectors = bundle.vectors[start : start + _BATCH].tolist()
        payload = row_payload(bundle, start, start + _BATCH)
        points = [
            models.PointStruct(id=start + number, vector=vector, payload=known)
            for number, (vector, known) in enumerate(zip(vectors, payload, strict=True))
        ]
        _sent(client, name, points)


def _held_rows(client: QdrantClient, name: str, n: int) -> npt.NDArray[np.bool_]:
    """Return ``(n,)`` which rows the collection holds."""
    held, offset = np.zeros(n, dtype=np.bool_), None
    while True:
        records, offset = client.scroll(
            name, limit=_PAGE, offset=offset, with_payload=False, with_vectors=False
        )
        held[[record.id for record in records if isinstance(record.id, int) and record.id < n]] = True
        if offset is None:
            return held


def _sent(client: QdrantClient, name: str, points: list[models.PointStruct]) -> None:
    """Send ``points``, again after growing pauses where the server fails; sending twice changes nothing."""
    for pause_s in _PAUSES_S:
        try:
            client.upsert(name, points=points, wait=True)
            return
        except _FAILURES as error:
            if isinstance(error, UnexpectedResponse) and not _passes(error.status_code):
                raise
            sleep(pause_s)
    client.upsert(name, points=points, wait=True)


def _passes(status: int | None) -> bool:
    """Whether the same request may be answered later: the server is busy, or failed itself."""
    return status is None or status in (408, 429) or status >= 500


def _switch(client: QdrantClient, alias: str, name: str, before: str | None) -> None:
    """Make ``alias`` name ``name`` and the other alias what was used before, in one request."""
    present = _aliases(client)
    wanted = {alias: name} | ({_before(alias): before} if before is not None else {})
    changes: list[models.AliasOperations] = [
        models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=known))
        for known in wanted
        if known in present
    ]
    changes += [
        models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=to, alias_name=known))
        for known, to in wanted.items()
    ]
    client.update_collection_aliases(change_aliases_operations=changes)


def _forget_old(client: QdrantClient, alias: str) -> None:
    """Drop the collections of this index that neither alias names."""
    used = set(_aliases(client).values())
    ours = re.compile(re.escape(alias) + "-[0-9a-f]{16}")
    for collection in client.get_collections().collections:
        if ours.fullmatch(collection.name) and collection.name not in used:
            client.delete_collection(collection.name)


def _aliases(client: QdrantClient) -> dict[str, str]:
    return {known.alias_name: known.collection_name for known in client.get_aliases().aliases}


def _before(alias: str) -> str:
    return f"{alias}-before"


def _count(client: QdrantClient, name: str) -> int:
    return client.count(name, exact=True).count


@contextmanager
def _answering(server: str) -> Iterator[None]:
    """Turn what the client raises into our error."""
    try:
        yield
    except _FAILURES as error:
        raise DownloadError(
            f"{server} did not answer as a Qdrant server: {str(error).strip() or type(error).__name__}",
            expected="a Qdrant server that is running, reachable and open to this key",
            remedy="check address, key and the server's log; the same command goes on where it was",
        ) from error
