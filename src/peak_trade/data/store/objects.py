"""Single files of a table, in a folder or an object store, by the client that writes its log."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from peak_trade.data.store.place import Place

if TYPE_CHECKING:
    from deltalake._internal import DeltaFileSystemHandler


class Objects:
    """The files below a table's path or URL; names are relative to it."""

    def __init__(self, place: Place, uri: str) -> None:
        self._place, self._uri = place, uri

    def _client(self) -> "DeltaFileSystemHandler":
        from deltalake._internal import DeltaFileSystemHandler

        return DeltaFileSystemHandler(self._uri, dict(self._place.options), None)

    def read(self, name: str) -> bytes:
        """Give what a file holds.

        Raises
        ------
        FileNotFoundError
            It is not there.
        """
        if self._place.is_local:
            return Path(self._uri, name).read_bytes()
        file = self._client().open_input_file(name)
        return bytes(file.read(file.size()))

    def write(self, name: str, data: bytes) -> None:
        """Write a file of an object store whole."""
        stream = self._client().open_output_stream(name)
        try:
            stream.write(data)
        finally:
            stream.close()  # type: ignore[attr-defined]  # the stubs leave it out

    def size(self, name: str) -> int:
        """Bytes of a file; 0 where it is not there."""
        from deltalake.exceptions import DeltaError

        with suppress(OSError, DeltaError):
            if self._place.is_local:
                return Path(self._uri, name).stat().st_size
            return int(self._client().open_input_file(name).size())
        return 0

    def delete(self, name: str) -> None:
        """Delete a file where it is there, and can be deleted."""
        from deltalake.exceptions import DeltaError

        with suppress(OSError, DeltaError):
            if self._place.is_local:
                Path(self._uri, name).unlink(missing_ok=True)
            else:
                self._client().delete_file(name)
