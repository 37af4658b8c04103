"""An edge node of pysparkplug's, with a device behind it, for pysparkplug.test.ts: values of every type, writes taken."""

import sys

import pysparkplug as psp

port = int(sys.argv[1])

VALUES = {
    "Int8": (psp.DataType.INT8, -128),
    "Int16": (psp.DataType.INT16, -12_345),
    "Int32": (psp.DataType.INT32, -123_456_789),
    "Int64": (psp.DataType.INT64, -1_234_567_890_123_456_789),
    "UInt8": (psp.DataType.UINT8, 255),
    "UInt16": (psp.DataType.UINT16, 54_321),
    "UInt32": (psp.DataType.UINT32, 4_000_000_001),
    "UInt64": (psp.DataType.UINT64, 18_000_000_000_000_000_001),
    "Float": (psp.DataType.FLOAT, 1.5),
    "Double": (psp.DataType.DOUBLE, 3.141592653589793),
    "Boolean": (psp.DataType.BOOLEAN, True),
    "String": (psp.DataType.STRING, "Größe"),
    "Int16Array": (psp.DataType.INT16_ARRAY, (-1, 2, -30_000)),
    "BooleanArray": (psp.DataType.BOOLEAN_ARRAY, (True, False, True)),
    "StringArray": (psp.DataType.STRING_ARRAY, ("a", "bc")),
}


def metric(name, datatype, value):
    return psp.Metric(timestamp=psp.get_current_timestamp(), name=name, datatype=datatype, value=value)


def on_device_command(node, message):
    for sent in message.payload.metrics:
        print(f"wrote {sent.name} {sent.value}", flush=True)
        node.update_device("machine", [metric(sent.name, psp.DataType.INT32, sent.value)])


def on_command(node, message):
    for sent in message.payload.metrics:
        print(f"command {sent.name} {sent.value}", flush=True)


device = psp.Device("machine", [metric(name, *value) for name, value in VALUES.items()], cmd_callback=on_device_command)
node = psp.EdgeNode("plant", "edge-1", [metric("Node/Up", psp.DataType.INT32, 7)], cmd_callback=on_command)
node.register(device)
node.connect("127.0.0.1", port=port)
for line in sys.stdin:
    node.update_device("machine", [metric("Double", psp.DataType.DOUBLE, float(line))])
node.disconnect()
