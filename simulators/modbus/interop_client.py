"""Reads and writes a Modbus TCP server with pymodbus, and prints what came back as JSON."""
import json
import sys

from pymodbus.client import ModbusTcpClient

client = ModbusTcpClient("127.0.0.1", port=int(sys.argv[1]), timeout=3)
assert client.connect()
seen = {
    "holding": client.read_holding_registers(10, 3, slave=1).registers,
    "input": client.read_input_registers(20, 2, slave=1).registers,
    "coils": client.read_coils(0, 10, slave=1).bits[:10],
    "discrete": client.read_discrete_inputs(5, 3, slave=1).bits[:3],
    "missing": client.read_holding_registers(500, 1, slave=1).exception_code,
    "unknownUnit": client.read_holding_registers(0, 1, slave=77).exception_code,
    "writes": [
        client.write_register(30, 1234, slave=1).isError(),
        client.write_registers(31, [1, 2, 3], slave=1).isError(),
        client.write_coil(40, True, slave=1).isError(),
        client.write_coils(41, [True, False, True], slave=1).isError(),
        client.mask_write_register(address=30, and_mask=0xFFF0, or_mask=0x0005, unit=1).isError(),
    ],
    "readWrite": client.readwrite_registers(
        read_address=31, read_count=3, write_address=32, write_registers=[9], unit=1
    ).registers,
}
client.close()
print(json.dumps(seen))
