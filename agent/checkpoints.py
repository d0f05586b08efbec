"""The conversation's checkpoints: where it stands, so that a restart goes on there. What was said and measured is in the journal."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.constants import END

from failsight.agent.planners.streamed import ID
from failsight.tools.evidence import digest

KEPT = 4  # the last one is what a restart needs; a step that is being written may still refer to those before
FORGET = (
    "DELETE FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?",
    "DELETE FROM writes WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?",
)
WASTE = 1000  # free pages from which the file is made smaller when it is opened


class LatestCheckpoints(SqliteSaver):
    """Keeps the latest checkpoints of a thread only: each holds all messages, so that all of them grow with the square of the turns."""

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As ``SqliteSaver.put``; what lies further back goes."""
        made = super().put(config, checkpoint, metadata, new_versions)
        self.let_go(config["configurable"]["thread_id"], config["configurable"]["checkpoint_ns"])
        return made

    def let_go(self, thread: Any, namespace: str) -> None:
        """Let go of all checkpoints of a thread but the latest, and of what was written to them."""
        with self.cursor() as cursor:
            place = (str(thread), namespace)
            oldest = cursor.execute(
                "SELECT checkpoint_id FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? "
                "ORDER BY checkpoint_id DESC LIMIT 1 OFFSET ?",
                (*place, KEPT - 1),
            ).fetchone()
            if oldest is None:
                return
            for statement in FORGET:
                cursor.execute(statement, (*place, oldest[0]))


def open_checkpoints(folder: Path) -> LatestCheckpoints:
    """The checkpoints of a case. A damaged file is set aside: the journal has everything that matters."""
    path = folder / "checkpoints.sqlite"
    try:
        connection = sqlite3.connect(path, check_same_thread=False)
        connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        path.replace(path.with_suffix(".sqlite.damaged"))
        connection = sqlite3.connect(path, check_same_thread=False)
    _shrink(connection)
    return LatestCheckpoints(connection, serde=JsonPlusSerializer())


def mend(graph: Any, thread: str = "main") -> bool:
    """Mend a conversation that stands at calls without a name, which no tool can be run for; True where there were some.

    Each gets a name, so that it can be told to a model; the turn that it broke is over.
    """
    place = {"configurable": {"thread_id": thread}}
    messages = graph.get_state(place).values.get("messages", ())
    made = [m for m in map(named, messages) if m is not None]
    if not made:
        return False
    graph.update_state(place, {"messages": made}, as_node="model")
    graph.update_state(place, None, as_node=END)
    return True


def named(message: Any) -> Any:
    """``message`` with a name for each of its calls that has none; None where all have one."""
    calls = [*getattr(message, "tool_calls", ()), *getattr(message, "invalid_tool_calls", ())]
    if all(c["id"] for c in calls):
        return None
    parts = {
        kind: [
            {**c, "id": c["id"] or digest([message.id, kind, i])[:ID]}
            for i, c in enumerate(getattr(message, kind))
        ]
        for kind in ("tool_calls", "invalid_tool_calls")
    }
    return message.model_copy(update=parts)


def _shrink(connection: sqlite3.Connection) -> None:
    """Give back what deleted checkpoints took up."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    if free > WASTE:
        try:
            connection.execute("VACUUM")
        except (
            sqlite3.OperationalError
        ):  # no room for the copy, or another session has it open: it stays as large as it is
            connection.rollback()
