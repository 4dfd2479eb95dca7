"""A notebook server's configuration with which it notes the headers of every request in ~/headers."""

LOG_HEADERS = """
import json, pathlib
def log_headers(handler):
    with pathlib.Path("~/headers").expanduser().open("a") as file:
        file.write(json.dumps([handler.request.path, *handler.request.headers.get_all()]) + "\\n")
c.ServerApp.tornado_settings = {"log_function": log_headers}
"""
