"""An OPC UA server on asyncua (not node-opcua's), told by lines of JSON on stdin what to do.

Usage: server.py PORT NODES FOLDER [secure] [refresh] [broken] [few]
With `refresh` it takes ConditionRefresh, which asyncua does not by itself. With `broken` it has a variable `Broken` whose value
it can't encode. With `few` it takes 100 operations a request, and says so nowhere.
Prints {"port": …} when it listens, and {} after each command.
"""

import asyncio
import json
import logging
import sys
from datetime import datetime, timezone
from pathlib import Path

from cryptography import x509
from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.server.internal_session import InternalSession
from asyncua.common.structures104 import new_struct, new_struct_field
from asyncua.crypto.permission_rules import SimpleRoleRuleset
from asyncua.server.user_managers import UserManager
from asyncua.crypto.permission_rules import User, UserRole

logging.disable(logging.CRITICAL)
LINE = "http://example.com/line"
OTHER = "http://example.com/other"


def take_few():
    """No request for more than 100 nodes is taken; the OperationLimits do not say so."""
    read, create = InternalSession.read, InternalSession.create_monitored_items

    async def few_reads(self, params):
        if len(params.NodesToRead) > 100:
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)
        return await read(self, params)

    async def few_items(self, params):
        if len(params.ItemsToCreate) > 100:
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)
        return await create(self, params)

    InternalSession.read, InternalSession.create_monitored_items = few_reads, few_items


class Users(UserManager):
    """One by password, and those whose certificate lies in the folder `users` and is not out of date."""

    def __init__(self, folder):
        self.folder = folder

    def get_user(self, iserver, username=None, password=None, certificate=None):
        if username == "operator" and password == "hunter2":
            return User(role=UserRole.Admin, name="operator")
        if username is None and certificate is not None:
            known = [x509.load_pem_x509_certificate(pem.read_bytes()) for pem in self.folder.glob("users/*.pem")]
            mine = x509.load_der_x509_certificate(certificate)
            now = datetime.now(timezone.utc)
            if mine in known and mine.not_valid_before_utc <= now <= mine.not_valid_after_utc:
                return User(role=UserRole.Admin, name="operator")
        return None


class Plc:
    def __init__(self, port, nodes, folder, wanted):
        self.port, self.nodes, self.folder, self.wanted = port, nodes, folder, wanted
        self.secure, self.refresh = "secure" in wanted, "refresh" in wanted
        self.count = 0
        self.prefix = "Press"
        self.namespaces = [OTHER, LINE]
        self.starts = 0
        self.server = None
        self.moving = []

    async def start(self):
        server = Server(user_manager=Users(self.folder) if self.secure else None)
        server.iserver.bind_condition_methods = 1 if self.refresh else 0
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}/line")
        if self.secure:
            server.set_security_policy([
                ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
                ua.SecurityPolicyType.Basic256Sha256_Sign,
                ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
                ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
            ], permission_ruleset=SimpleRoleRuleset())
            await server.load_certificate(str(self.folder / "server.der"))
            await server.load_private_key(str(self.folder / "server.pem"))
        else:
            server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        index = {uri: await server.register_namespace(uri) for uri in self.namespaces}
        line = index[LINE]
        press = await server.nodes.objects.add_object(ua.NodeId(self.prefix, line), ua.QualifiedName("Press", line))
        self.moving = []

        async def add(name, value, kind, writable=False):
            node_id = ua.NodeId(f"{self.prefix}.{name}", line)
            node = await press.add_variable(node_id, ua.QualifiedName(name, line), ua.Variant(value, kind))
            if writable:
                await node.set_writable()
            return node

        self.moving.append(await add("Pressure", 182.5, ua.VariantType.Double))
        await add("Setpoint", 1200, ua.VariantType.UInt16, True)
        await add("Running", True, ua.VariantType.Boolean, True)
        await add("Name", "Größe", ua.VariantType.String, True)
        await add("Total", 9_007_199_254_740_993, ua.VariantType.Int64, True)
        await add("Profile", [1.5, 2.5], ua.VariantType.Double)
        if "broken" in self.wanted:
            broken = await add("Broken", 1.0, ua.VariantType.Double)
            # An encoder meets a text where its type says a number.
            attribute = server.iserver.aspace._nodes[broken.nodeid].attributes[ua.AttributeIds.Value]
            attribute.value.Value.Value = "no number"
        await add("Raw", b"\x01\x02", ua.VariantType.ByteString)

        # A structure of the server's own, known by its DataTypeDefinition alone.
        box, _ = await new_struct(server, line, f"Box{self.starts}", [
            new_struct_field("Width", ua.VariantType.UInt32),
            new_struct_field("Label", ua.VariantType.String),
        ])
        self.starts += 1
        made = (await server.load_data_type_definitions())[f"Box{self.starts - 1}"]
        await press.add_variable(
            ua.NodeId(f"{self.prefix}.Box", line), ua.QualifiedName("Box", line),
            ua.Variant(made(Width=7, Label="seven"), ua.VariantType.ExtensionObject), datatype=box.nodeid,
        )

        async def double(parent, value):
            return [ua.Variant(value.Value * 2, ua.VariantType.Int32)]

        await press.add_method(
            ua.NodeId(f"{self.prefix}.Double", line), ua.QualifiedName("Double", line), double,
            [ua.VariantType.Int32], [ua.VariantType.Int32],
        )
        for n in range(self.nodes):
            self.moving.append(await add(f"Value{n}", float(n), ua.VariantType.Double))
        await server.start()
        self.alarm = await server.get_event_generator(ua.NodeId(ua.ObjectIds.AlarmConditionType))
        self.alarm.event.NodeId = ua.NodeId(f"{self.prefix}.Overheat", line)
        self.alarm.event.ConditionName = "Overheat"
        self.alarm.event.Severity = 700
        self.server = server

    async def move(self):
        while True:
            await asyncio.sleep(0.1)
            self.count += 1
            if self.server is not None:
                try:
                    await self.moving[0].write_value(ua.Variant(100.0 + self.count % 50, ua.VariantType.Double))
                except Exception:
                    pass

    async def stop(self):
        server, self.server = self.server, None
        if server is not None:
            await server.stop()

    async def obey(self, command):
        kind = command["do"]
        if kind == "restart":
            await self.stop()
            await self.start()
        elif kind == "download":
            await self.stop()
            self.namespaces = list(reversed(self.namespaces))
            self.prefix = command.get("prefix", self.prefix)
            await self.start()
        elif kind == "alarm":
            event = self.alarm.event
            event.Retain = command["active"]
            setattr(event, "ActiveState/Id", command["active"])
            setattr(event, "AckedState/Id", False)
            await self.alarm.trigger(message="Overheat")
        elif kind == "read":
            index = await self.server.get_namespace_index(LINE)
            node = self.server.get_node(ua.NodeId(f"{self.prefix}.{command['name']}", index))
            return {"value": await node.read_value()}
        return {}


async def main():
    port, nodes, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    wanted = sys.argv[4:]
    if "few" in wanted:
        take_few()
    plc = Plc(port, nodes, folder, wanted)
    await plc.start()
    moving = asyncio.create_task(plc.move())
    print(json.dumps({"port": port}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await plc.obey(json.loads(line))), flush=True)
    moving.cancel()
    await plc.stop()


asyncio.run(main())
