"""HTTP/1.1 as the small servers of the measurements read it."""


async def read_head(reader):
    """Method, path and headers of the next request, whose names and values are in lower case."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path = lines[0].split(" ")[:2]
    return method, path, dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
