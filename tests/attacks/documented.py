"""Holds answers against the OpenAPI document: their statuses, media types and bodies."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2

Json = dict[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "object": (dict,),
    "array": (list,),
}


class Document:
    """An OpenAPI 3.1 document; as much of JSON Schema as it uses."""

    def __init__(self, content: Json) -> None:
        self.content = content
        self.operations: dict[tuple[str, str], Json] = {
            (method.upper(), path): operation
            for path, operations in content["paths"].items()
            for method, operation in operations.items()
        }
        # Those without parameters first: `/log/key` is no `/log/{path}`.
        self._patterns = [
            (re.compile(re.sub(r"{path}", r".+", path).replace("{id}", "[^/]+")), path)
            for path in sorted(content["paths"], key=lambda path: path.count("{"))
        ]

    def operation_of(self, method: str, path: str) -> tuple[str, str] | None:
        """The method and path template that a request belongs to; None for undeclared ones."""
        for pattern, template in self._patterns:
            if pattern.fullmatch(path):
                found = ("GET" if method == "HEAD" else method, template)
                return found if found in self.operations else None
        return None

    def complaints(self, answer: httpx2.Response) -> Iterator[str]:
        """What about an answer is not as documented."""
        operation = self.operation_of(answer.request.method, answer.request.url.path)
        if operation is None:
            return
        what = f"{' '.join(operation)}: {answer.status_code}"
        described = self.operations[operation]["responses"].get(str(answer.status_code))
        if described is None:
            yield f"{what} is not documented ({answer.text[:120]})"
            return
        contents: Json = described.get("content", {})
        if not answer.content:
            return
        media_type = answer.headers["content-type"]
        schema = contents.get(media_type) or contents.get("application/octet-stream")
        if schema is None:
            yield f"{what} came as {media_type}"
        elif media_type.partition(";")[0].endswith("json"):
            yield from (f"{what} {wrong}" for wrong in self._wrong(answer.json(), schema["schema"]))
            yield from self._undocumented_code(what, answer, described)

    def _undocumented_code(
        self, what: str, answer: httpx2.Response, described: Json
    ) -> Iterator[str]:
        if answer.headers["content-type"] == "application/problem+json":
            code = answer.json()["code"]
            if f"`{code}`" not in described["description"]:
                yield f"{what} has the code {code}, which is not documented"

    def references(self) -> set[str]:
        """Every `$ref` in the document."""
        return set(re.findall(r"'\$ref': '([^']+)'", repr(self.content)))

    def resolve(self, reference: str) -> Json:
        """What a `$ref` points to."""
        found: Json = self.content
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
        return found

    def _wrong(self, value: object, schema: Json, place: str = "$") -> Iterator[str]:
        if "$ref" in schema:
            schema = self.resolve(schema["$ref"])
        if "anyOf" in schema:
            if all(list(self._wrong(value, one, place)) for one in schema["anyOf"]):
                yield f"{place} is none of what it can be: {value!r}"
            return
        if "type" in schema and not isinstance(value, _TYPES[schema["type"]]):
            yield f"{place} is no {schema['type']}: {value!r}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{place} is none of {schema['enum']}"
        if "const" in schema and value != schema["const"]:
            yield f"{place} is not {schema['const']}"
        if isinstance(value, dict):
            yield from self._wrong_object(value, schema, place)
        if isinstance(value, list) and "items" in schema:
            for index, item in enumerate(value):
                yield from self._wrong(item, schema["items"], f"{place}[{index}]")

    def _wrong_object(self, value: Json, schema: Json, place: str) -> Iterator[str]:
        properties: Json = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield f"{place}.{name} is missing"
        for name, item in value.items():
            inner = properties.get(name) or schema.get("additionalProperties")
            if inner is None:
                yield f"{place}.{name} is not documented"
            elif isinstance(inner, dict):
                yield from self._wrong(item, inner, f"{place}.{name}")
