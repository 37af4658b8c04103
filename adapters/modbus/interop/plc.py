"""A PLC played by pymodbus. Takes values to hold as JSON in the first argument, prints its TCP port, or the path of the
serial port that the third argument names, spoken to in the framing of the second (rtu or ascii), where it holds the
values as unit 1 and plays a unit 2 that holds 4711 in its first register; and answers each line on stdin (values to look for, as JSON) with what its registers hold, as JSON. Encodes with struct alone."""
import asyncio
import json
import logging
import struct
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.framer.ascii_framer import ModbusAsciiFramer
from pymodbus.framer.rtu_framer import ModbusRtuFramer
from pymodbus.server.async_io import ModbusSerialServer, ModbusTcpServer

FORMATS = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q",
    "float32": ">f", "float64": ">d",
}
SIZES = {"bcd16": 2, "bcd32": 4}
HOLDING, COILS = 3, 1

# It calls the end of a connection an error.
logging.disable(logging.CRITICAL)


def reorder(data, order):
    """Byte n on the wire is the byte that the n-th letter of the order names; its own inverse for these orders."""
    return bytes(data[ord(letter) - ord("A")] for letter in order)


def encode(spec):
    kind, value = spec["type"], spec["value"]
    if kind.startswith("string"):
        data = value.encode("latin-1").ljust(spec["registers"] * 2, b"\0")
        return b"".join(reorder(data[at:at + 2], spec["order"]) for at in range(0, len(data), 2))
    if kind in SIZES:
        data = int(value, 16).to_bytes(SIZES[kind], "big")
    else:
        data = struct.pack(FORMATS[kind], float(value) if "float" in kind else int(value))
    return reorder(data, spec["order"])


def words(data):
    return list(struct.unpack(f">{len(data) // 2}H", data))


def unit():
    return ModbusSlaveContext(
        hr=ModbusSequentialDataBlock(0, [0] * 1000),
        ir=ModbusSequentialDataBlock(0, [0] * 1000),
        co=ModbusSequentialDataBlock(0, [0] * 1000),
        di=ModbusSequentialDataBlock(0, [0, 1] * 500),
        zero_mode=True,
    )


async def serve(store):
    if len(sys.argv) < 4:
        server = ModbusTcpServer(ModbusServerContext(slaves=store, single=True), address=("127.0.0.1", 0))
        serving = asyncio.ensure_future(server.serve_forever())
        await server.serving
        print(server.server.sockets[0].getsockname()[1], flush=True)
        return serving
    framer, path = sys.argv[2:4]
    other = unit()
    other.setValues(HOLDING, 0, [4711])
    server = ModbusSerialServer(
        ModbusServerContext(slaves={1: store, 2: other}, single=False),
        framer=ModbusRtuFramer if framer == "rtu" else ModbusAsciiFramer,
        port=path,
        baudrate=115200,
        parity="N",
        ignore_missing_slaves=True,
    )
    await server.start()
    print(path, flush=True)
    return asyncio.ensure_future(server.serve_forever())


async def main():
    store = unit()
    for spec in json.loads(sys.argv[1]):
        store.setValues(HOLDING, spec["address"], words(encode(spec)))
    serving = await serve(store)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        held = {
            "registers": [
                store.getValues(HOLDING, spec["address"], len(encode(spec)) // 2) == words(encode(spec))
                for spec in asked.get("registers", [])
            ],
            "coils": [int(store.getValues(COILS, address, 1)[0]) for address in asked.get("coils", [])],
            "words": [store.getValues(HOLDING, address, 1)[0] for address in asked.get("words", [])],
        }
        print(json.dumps(held), flush=True)
    serving.cancel()


asyncio.run(main())
