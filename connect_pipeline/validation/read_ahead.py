"""Reading files of a drop while later ones are still fetched, or earlier ones are being checked.

For: time. A fetch waits for the network, and the rules about a file leave a processor free.
Belongs here: the one thread that does so. Does not belong here: how a file is read (`reader/`),
and whether it may be used: that is decided when all have arrived.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from connect_pipeline.contract import ExportSpec
from connect_pipeline.limits import Limits, Thresholds
from connect_pipeline.reader import ReadResult, read_export
from connect_pipeline.validation.inputs import Received

if TYPE_CHECKING:
    from connect_pipeline.settings import District


class ReadAhead:
    """Files of one district that are read into `connection`, in the order of their arrival.

    `copies` is the folder in which the reader makes copies, as in `read_export`.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        district: District | None,
        copies: Path | None = None,
    ) -> None:
        self._connection, self._district, self._copies = connection, district, copies
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read ahead")
        self._begun: dict[str, Future[ReadResult]] = {}
        self._beside: duckdb.DuckDBPyConnection | None = None

    def begin(self, spec: ExportSpec, received: Received) -> None:
        """Read a file as soon as those before it are read. Doing so again changes nothing."""
        if spec.file_name in self._begun:
            return
        self._begun[spec.file_name] = self._thread.submit(self._read_beside, spec, received)

    def read(self, spec: ExportSpec, received: Received) -> ReadResult:
        """The file as read: waits for it when it was begun, and reads it now when not.

        Raises `EnvironmentFault` when the file cannot be read or the disk is full.
        """
        begun = self._begun.get(spec.file_name)
        if begun is not None:
            return begun.result()
        return self._read(self._connection, spec, received)

    def close(self) -> None:
        """Stop what is being read, and read nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        while any(one.running() for one in self._begun.values()):
            beside = self._beside
            if beside is not None:
                with suppress(duckdb.Error):  # it has just ended
                    beside.interrupt()  # the statement at hand; the next may have begun meanwhile
            time.sleep(0.02)
        self._thread.shutdown()

    def _read_beside(self, spec: ExportSpec, received: Received) -> ReadResult:
        with self._connection.cursor() as beside:
            self._beside = beside
            try:
                beside.execute("USE scratch")
                result = self._read(beside, spec, received)
            finally:
                self._beside = None
        result.connection = self._connection
        return result

    def _read(
        self, connection: duckdb.DuckDBPyConnection, spec: ExportSpec, received: Received
    ) -> ReadResult:
        """Read one file by the settings of its district, or by their defaults."""
        district = self._district
        return read_export(
            received.path,
            spec,
            limits=district.limits if district else Limits(),
            bad_rows=(district.thresholds if district else Thresholds()).bad_rows,
            connection=connection,
            facts=received.facts,
            copies=self._copies,
        )
