"""The dataset card in Croissant (MLCommons), so that other tools can find and load the data."""

import json
from datetime import UTC, datetime
from pathlib import Path

import mlcroissant as mlc
import pyarrow as pa

from zuroku.artifacts import file_sha256, write_atomically
from zuroku.datasets.manifest import CARD, MANIFEST, MANIFEST_SCHEMA, SHARDS
from zuroku.errors import IntegrityError

CROISSANT = "croissant.json"

_TYPES = {
    pa.string(): mlc.DataType.TEXT,
    pa.int32(): mlc.DataType.INTEGER,
    pa.int64(): mlc.DataType.INTEGER,
    pa.float64(): mlc.DataType.FLOAT,
    pa.bool_(): mlc.DataType.BOOL,
}
# Croissant wants a date; a real one would change the card of unchanged data.
_UNDATED = datetime(2021, 7, 1, tzinfo=UTC)


def write_croissant(folder: Path) -> None:
    """Write ``croissant.json`` beside the manifest in ``folder``.

    Raises:
        IntegrityError: ``mlcroissant`` finds the card invalid.
    """
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    context = mlc.Context()
    manifest = mlc.FileObject(
        ctx=context,
        id="manifest",
        name="manifest",
        content_url=MANIFEST,
        # The registered media type, and the only one under which mlcroissant reads Parquet.
        encoding_formats=["application/vnd.apache.parquet", "application/x-parquet"],
        sha256=file_sha256(folder / MANIFEST),
    )
    shards = mlc.FileSet(
        ctx=context,
        id="shards",
        name="shards",
        includes=f"{SHARDS}/*.tar",
        encoding_formats=["application/x-tar"],
    )
    fields = [_field(context, column) for column in MANIFEST_SCHEMA]
    metadata = mlc.Metadata(
        ctx=context,
        name=card["name"],
        description=card["description"],
        license=[card["licence"]],
        url=card["url"],
        cite_as=card["citation"] or None,
        version="1.0.0",
        date_published=_UNDATED,
        distribution=[manifest, shards],
        record_sets=[mlc.RecordSet(ctx=context, id="items", name="items", fields=fields)],
    )
    faults = list(metadata.ctx.issues.errors)
    if faults:
        raise IntegrityError(
            f"the Croissant card of {folder} is invalid: {'; '.join(faults)}",
            expected="a card that mlcroissant accepts",
            remedy="check name, description, licence and url in the dataset's configuration",
        )
    text = json.dumps(metadata.to_json(), ensure_ascii=False, indent=2, default=str)
    write_atomically(folder / CROISSANT, (text + "\n").encode())


def _field(context: mlc.Context, column: pa.Field) -> mlc.Field:
    """Describe a column of the manifest; a list as an array, one of structs with a field for each member."""
    is_list = pa.types.is_list(column.type)
    kind = column.type.value_type if is_list else column.type
    if not pa.types.is_struct(kind):
        extract = mlc.Extract(ctx=context, column=column.name)
        return mlc.Field(
            ctx=context,
            id=f"items/{column.name}",
            name=column.name,
            data_types=[_TYPES[kind]],
            is_array=is_list or None,
            source=mlc.Source(ctx=context, file_object="manifest", extract=extract),
        )
    members = [
        mlc.Field(
            ctx=context,
            id=f"items/{column.name}/{member.name}",
            name=member.name,
            data_types=[_TYPES[member.type]],
            source=mlc.Source(
                ctx=context,
                file_object="manifest",
                extract=mlc.Extract(ctx=context, column=column.name),
                transforms=[mlc.Transform(ctx=context, json_path=member.name)],
            ),
        )
        for member in kind
    ]
    return mlc.Field(
        ctx=context, id=f"items/{column.name}", name=column.name, is_array=True, sub_fields=members
    )
