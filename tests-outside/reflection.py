"""A generic client of another language: it has none of our files, only the reflection service.

usage: reflection.py PROGRAM [ARGUMENT ...]

Starts the program, which is a slave that tells its address in its first line and ends with its
standard input. Lists its functions, starts an execution, watches it to its end, reads its result,
and looks at its page.
"""

import json
import subprocess
import sys
import urllib.error
import urllib.request

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

# Most time that one call may take, in seconds.
LIMIT = 10


class Generic:
    """One service of a server, known by reflection alone."""

    def __init__(self, channel, ending):
        self.channel = channel
        self.database = ProtoReflectionDescriptorDatabase(channel)
        names = [name for name in self.database.get_services() if name.endswith(ending)]
        assert len(names) == 1, f"one service ends in {ending}: {names}"
        self.service = DescriptorPool(self.database).FindServiceByName(names[0])

    def call(self, name, **fields):
        """Calls a method; gives its answer, or its answers where it streams."""
        method = self.service.methods_by_name[name]
        make = self.channel.unary_stream if method.server_streaming else self.channel.unary_unary
        rpc = make(
            f"/{self.service.full_name}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return rpc(GetMessageClass(method.input_type)(**fields), timeout=LIMIT)

    def number(self, enum, name):
        """The number of a value of an enum that some method's messages use."""
        return self.service.file.pool.FindEnumTypeByName(enum).values_by_name[name].number


def check_calls(channel):
    """Lists, starts, watches, and reads; gives the execution."""
    control = Generic(channel, ".Control")
    package = control.service.full_name.rsplit(".", 1)[0]
    functions = [function.name for function in control.call("ListFunctions").functions]
    assert functions == ["count_down", "primes", "square", "wait"], functions

    json_kind = control.number(f"{package}.PayloadKind", "PAYLOAD_KIND_JSON")
    data = {"kind": json_kind, "data": b"3"}
    started = control.call("Start", function="count_down", data=data, labels=["from outside"])
    execution = started.execution
    assert list(started.labels) == ["from outside"], started
    assert len(control.call("ListExecutions", labels=["from outside"]).executions) == 1

    events = [event for reply in control.call("Watch", execution=execution) for event in reply.events]
    assert [event.seq for event in events] == list(range(1, len(events) + 1)), events
    kinds = [event.WhichOneof("what") for event in events]
    assert kinds == ["accepted", "running"] + 6 * ["output"] + ["ended"], kinds
    shown = [event.output for event in events if event.HasField("output")]
    lines = [output.log.content for output in shown if output.WhichOneof("content") == "log"]
    assert lines == ["2 left", "1 left", "0 left"], lines
    completed = control.number(f"{package}.Status", "STATUS_COMPLETED")
    assert events[-1].ended.status == completed

    squared = control.call("Start", function="square", data={"kind": json_kind, "data": b"12"})
    outcome = control.call("Result", execution=squared.execution, wait_millis=5_000)
    assert outcome.status == completed and json.loads(outcome.value.data) == 144, outcome
    check_refusal(control)
    return control, execution


def check_refusal(control):
    """What cannot be done says why in words that need no file of ours."""
    try:
        control.call("Start", function="no_such_function")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
        assert ("selsyn-code", "E0101") in error.trailing_metadata(), error.trailing_metadata()
    else:
        raise AssertionError("an unknown function was started")


def check_page(address, control, execution):
    """The page is plain HTTP/1.1, and a wrong address shows nothing."""
    logview = control.call("MakeLogview", execution=execution)
    with urllib.request.urlopen(f"http://{address}{logview.path}", timeout=LIMIT) as page:
        text = page.read().decode()
    assert "info     0 left\n" in text and "ended COMPLETED" in text, text
    control.call("RevokeLogviews", execution=execution)
    try:
        urllib.request.urlopen(f"http://{address}{logview.path}", timeout=LIMIT)
    except urllib.error.HTTPError as error:
        assert error.code == 404, error
    else:
        raise AssertionError("a revoked address still leads somewhere")


def main(program):
    """Starts the slave, and ends it whatever happens."""
    slave = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        address = slave.stdout.readline().strip()
        with grpc.insecure_channel(address) as channel:
            control, execution = check_calls(channel)
            check_page(address, control, execution)
        slave.stdin.close()
        assert slave.wait(LIMIT) == 0
    finally:
        slave.kill()
    print("a generic client listed, started, watched and read: 1 passed, 0 failed")


if __name__ == "__main__":
    main(sys.argv[1:])
