"""A client in another language: both services of a node over TLS, from the .proto files alone.

Usage: client.py KROGD SCRATCH
"""

import hashlib
import json
import pathlib
import subprocess
import sys
import time

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from krog.centre.v1 import desk_pb2, desk_pb2_grpc, people_pb2, people_pb2_grpc
from krog.federation.v1 import (
    entry_pb2,
    exchange_pb2,
    exchange_pb2_grpc,
    library_pb2,
    library_pb2_grpc,
)

krogd, scratch = sys.argv[1], pathlib.Path(sys.argv[2])
node = scratch / "py-node"
passed = 0


def command(*words):
    subprocess.run([krogd, *words], check=True, stdout=subprocess.DEVNULL)


def check(what, holds):
    global passed
    if not holds:
        raise SystemExit(f"FAILED: {what}")
    passed += 1
    print(f"ok: {what}")


command("init", "--node", str(node), "--name", "Python", "--centre", "Round table",
        "--listen", "127.0.0.1:0", "--centre-listen", "127.0.0.1:0")
command("network", "create", "--node", str(node), "--name", "Snakes", "--rehearsal")
addresses = node / "run" / "addresses.json"
running = subprocess.Popen([krogd, "run", "--node", str(node)])
try:
    deadline = time.monotonic() + 30
    while not (addresses.exists() and json.loads(addresses.read_text() or "{}").get("centre_listen")):
        if running.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("FAILED: krogd did not start")
        time.sleep(0.05)
    where = json.loads(addresses.read_text())

    # The centre: its certificate is the only root this client trusts; the credential says who calls.
    pem = (node / "office" / "tls.pem").read_bytes()
    named = (("grpc.ssl_target_name_override", "krog"),)
    centre = grpc.secure_channel(
        where["centre_listen"], grpc.ssl_channel_credentials(root_certificates=pem), options=named
    )
    credential = next((node / "credentials").glob("*-coordinator.txt")).read_text().strip()
    bearer = (("authorization", f"Bearer {credential}"),)
    me = desk_pb2_grpc.DeskStub(centre).WhoAmI(desk_pb2.WhoAmIRequest(), metadata=bearer, timeout=10)
    check("the centre answers over TLS and knows the credential", me.role == "coordinator")
    try:
        desk_pb2_grpc.DeskStub(centre).WhoAmI(desk_pb2.WhoAmIRequest(), timeout=10)
        check("a call without a credential is refused", False)
    except grpc.RpcError as error:
        check("a call without a credential is refused", error.code() == grpc.StatusCode.UNAUTHENTICATED)
    people = people_pb2_grpc.PeopleStub(centre)
    added = people.AddMember(
        people_pb2.AddMemberRequest(label="K-17", consents=[people_pb2.PURPOSE_PARTICIPATION]),
        metadata=bearer, timeout=10,
    )
    listed = people.ListMembers(people_pb2.ListMembersRequest(), metadata=bearer, timeout=10)
    check("a member added is a member listed", [m.member for m in listed.members] == [added.member])
    health = health_pb2_grpc.HealthStub(centre).Check(
        health_pb2.HealthCheckRequest(service=""), timeout=10
    )
    check("the centre is healthy", health.status == health_pb2.HealthCheckResponse.SERVING)
    services = ProtoReflectionDescriptorDatabase(centre).get_services()
    check("the centre reflects its services", "krog.centre.v1.Sharing" in services)
    check("the centre does not reflect the exchange", "krog.federation.v1.Exchange" not in services)

    # The exchange: both ends show a key.
    own = (node / "exchange" / "tls.pem").read_bytes()
    end = b"-----END PRIVATE KEY-----\n"
    key, certificate = own.split(end)[0] + end, own.split(end)[1]
    exchange = grpc.secure_channel(
        where["listen"],
        grpc.ssl_channel_credentials(
            root_certificates=certificate, private_key=key, certificate_chain=certificate
        ),
        options=named,
    )
    library = library_pb2_grpc.LibraryStub(exchange)
    # The node knows its own TLS key as a member's once its office has said so in its feed, just after the start.
    while not (known := library.Describe(library_pb2.DescribeRequest(), timeout=10).networks):
        if time.monotonic() > deadline:
            raise SystemExit("FAILED: the node does not know itself as a member")
        time.sleep(0.2)
    network = known[0]
    check("the exchange describes its network", network.public_name == "Snakes")
    calls = exchange_pb2_grpc.ExchangeStub(exchange)
    hello = calls.Hello(
        exchange_pb2.HelloRequest(
            network=network.network, node=network.nodes[0].node, protocol_min=1, protocol_max=1
        ),
        timeout=10,
    )
    check("hello agrees on a protocol", hello.protocol == 1)
    older = calls.Hello(
        exchange_pb2.HelloRequest(
            network=network.network, node=network.nodes[0].node, protocol_min=60000, protocol_max=60000
        ),
        timeout=10,
    )
    check("no common protocol is an answer", older.refusal == exchange_pb2.REFUSAL_PROTOCOL)
    heads = calls.ListHeads(exchange_pb2.ListHeadsRequest(network=network.network), timeout=10).heads
    check("office and centre have a feed each", len(heads) == 2)
    entries = [
        entry
        for head in heads
        for entry in calls.FetchEntries(
            exchange_pb2.FetchEntriesRequest(network=network.network, writer=head.writer), timeout=10
        ).entries
    ]
    for entry in entries:
        header = entry_pb2.EntryHeader.FromString(entry.header)
        check(
            f"payload of entry {header.seq} has the hash its header states",
            hashlib.sha256(entry.payload).digest() == header.payload_hash,
        )
    last = {entry_pb2.EntryHeader.FromString(e.header).writer: hashlib.sha256(e.header).digest() for e in entries}
    check("each head is the hash of the last header", all(last[h.writer] == h.hash for h in heads))
    try:
        calls.Hello(exchange_pb2.HelloRequest(network=b"short"), timeout=10)
        check("a malformed request is refused", False)
    except grpc.RpcError as error:
        check("a malformed request is refused", error.code() == grpc.StatusCode.INVALID_ARGUMENT)
    services = ProtoReflectionDescriptorDatabase(exchange).get_services()
    check("the exchange reflects its services", "krog.federation.v1.Exchange" in services)
    check("the exchange does not reflect the house", "krog.federation.v1.House" not in services)
finally:
    running.terminate()
    running.wait(timeout=20)
check("krogd stops cleanly when asked", running.returncode == 0)
print(f"{passed} passed, 0 failed")
