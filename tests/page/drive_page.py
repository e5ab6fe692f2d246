"""Drives the page of `neurosplat-live serve` in headless Chromium, as a viewer would.

drive_page.py PROGRAM FOLDER [--model FILE] [--screenshots FOLDER]

Says what failed and exits 1; 77 where Selenium or Chromium is missing."""

import argparse
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import time
import urllib.parse
import zlib

SKIPPED = 77

try:
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select
except ImportError:
    print("SKIPPED: no Selenium for this Python (Debian: python3-selenium)")
    sys.exit(SKIPPED)

TOKEN = "open sesame & more"
CAMERA_SIDE, CAMERA_FRAMES = 160, 40


def camera_file(path):
    """Frames for Chromium's fake camera, YUV4MPEG2: a bright disc that goes round on waves."""
    side = CAMERA_SIDE
    with open(path, "wb") as out:
        out.write(f"YUV4MPEG2 W{side} H{side} F30:1 Ip A1:1 C420jpeg\n".encode())
        for frame in range(CAMERA_FRAMES):
            out.write(b"FRAME\n")
            row_at = side // 2 + int(40 * [0, 0.7, 1, 0.7, 0, -0.7, -1, -0.7][frame // 5 % 8])
            column_at = side // 2 + int(40 * [1, 0.7, 0, -0.7, -1, -0.7, 0, 0.7][frame // 5 % 8])
            luma = bytearray()
            for row in range(side):
                for column in range(side):
                    near = (row - row_at) ** 2 + (column - column_at) ** 2 < 24**2
                    luma.append(230 if near else 60 + 40 * ((row // 8 + column // 8) % 2))
            out.write(bytes(luma))
            out.write(bytes([110]) * (side // 2) ** 2)
            out.write(bytes([150]) * (side // 2) ** 2)


def picture_file(path, side=48):
    """A PNG of a ramp, written by hand."""
    rows = b"".join(
        b"\0" + b"".join(bytes((5 * column % 256, 5 * row % 256, 90)) for column in range(side)) for row in range(side)
    )

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


class Server:
    def __init__(self, program, *options):
        command = [program, "serve", *options] if "--port" in options else [program, "serve", "--port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise AssertionError(f"expected 'listening on ADDRESS', got {line!r}")
        self.address = line.split()[-1]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def browser_for(folder, camera, size=(1280, 900)):
    options = webdriver.ChromeOptions()
    for flag in (
        "--headless=new",
        "--no-sandbox",  # containers have no user namespaces; it sees our own page alone
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--window-size={size[0]},{size[1]}",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
        f"--user-data-dir={folder}/profile",
    ):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.binary_location = shutil.which("chromium") or ""
    from selenium.webdriver.chrome.service import Service

    return webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)


class Viewer:
    def __init__(self, browser, screenshots):
        self.browser, self.screenshots = browser, screenshots

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def find(self, name):
        return self.browser.find_element(By.ID, name)

    def wait(self, what, found, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = found()
            if value:
                return value
            time.sleep(0.05)
        shown = self.find("error").text
        raise AssertionError(f"waited {seconds} s for {what}; the page says {shown!r}")

    def frames(self):
        return self.run("return window.neurosplat.frames")

    def pixels(self):
        """A hash of what each canvas shows."""
        return self.run(
            "return [...document.querySelectorAll('#stage canvas')].map((canvas) => {"
            " const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);"
            " let hash = 0; for (const value of data) hash = (31 * hash + value) | 0; return hash; })"
        )

    def expect_moving(self, panels):
        """Frames arrive, and what the panels show changes."""
        first = self.frames()
        self.wait("five frames", lambda: self.frames() >= first + 5)
        before = self.pixels()
        assert len(before) == panels, f"expected {panels} panels, got {len(before)}"
        self.wait("the panels to move", lambda: all(a != b for a, b in zip(before, self.pixels())))

    def choose(self, mode):
        self.find(f"mode-{mode}").click()
        assert self.find(f"mode-{mode}").get_attribute("aria-selected") == "true"

    def source(self, kind):
        Select(self.find("source")).select_by_value(kind)

    def press(self, key):
        self.browser.find_element(By.TAG_NAME, "body").send_keys(key)

    def shoot(self, name):
        if self.screenshots:
            self.screenshots.mkdir(parents=True, exist_ok=True)
            self.browser.save_screenshot(str(self.screenshots / f"{name}.png"))


MODES = {"lock": 3, "agreement": 4, "saccade": 3, "infer": 4, "thought": 3}


def every_mode(viewer, shots):
    for mode, panels in MODES.items():
        viewer.choose(mode)
        viewer.expect_moving(panels)
        time.sleep(1.5 if shots else 0)
        figures = viewer.find("figures").text
        assert "frames/s" in figures and " ms " in figures, figures
        assert not viewer.find("error").is_displayed(), viewer.find("error").text
        print(f"{mode}: {figures}")
        viewer.shoot(mode)


def sources(viewer, folder):
    viewer.choose("lock")
    viewer.source("camera")
    viewer.find("run").click()
    viewer.expect_moving(3)
    viewer.shoot("camera")
    picture = folder / "ramp.png"
    picture_file(picture)
    viewer.source("file")
    viewer.find("file").send_keys(str(picture))
    first = viewer.frames()
    viewer.wait("frames of a picture", lambda: viewer.frames() > first + 3)
    broken = folder / "broken.png"
    broken.write_bytes(b"\x89PNG no picture")
    viewer.find("file").send_keys(str(broken))
    viewer.wait("an error about the file", lambda: "broken.png" in viewer.find("error").text)
    viewer.shoot("error")
    viewer.source("clip")
    viewer.find("run").click()
    viewer.wait("the error to go", lambda: not viewer.find("error").is_displayed())


def solvers(viewer):
    viewer.choose("lock")
    for solver in ("adam", "latent", "iterative", "closed-form"):
        Select(viewer.find("choice-solver")).select_by_value(solver)
        viewer.wait(f"a frame by {solver}", lambda wanted=solver: wanted in viewer.find("note").text)


def keyboard(viewer, folder):
    viewer.press("2")
    assert viewer.find("mode-agreement").get_attribute("aria-selected") == "true"
    viewer.press("1")
    viewer.press("r")
    viewer.press(Keys.SPACE)
    viewer.wait("a stop", lambda: viewer.find("run").text == "Start")
    time.sleep(0.5)
    first = viewer.frames()
    time.sleep(0.5)
    assert viewer.frames() == first, "frames go on after a stop"
    viewer.press(Keys.SPACE)
    viewer.wait("frames again", lambda: viewer.frames() > first)
    viewer.press("s")
    saved = folder / "neurosplat-lock.png"
    viewer.wait("the snapshot", lambda: saved.exists() and saved.read_bytes()[:4] == b"\x89PNG")


def thought_again(viewer):
    """Chosen anew while it runs, it begins once."""
    viewer.choose("thought")
    viewer.expect_moving(3)
    time.sleep(2.5)
    viewer.expect_moving(3)


def phone(viewer):
    viewer.browser.set_window_size(412, 915)
    time.sleep(0.5)
    wide = viewer.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"the page is {wide} pixels wider than a phone"
    viewer.shoot("phone")
    viewer.browser.set_window_size(1280, 900)


def complaints(browser, address):
    """Errors in the console, and requests that left for elsewhere."""
    sockets = 0
    bad = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if not url.startswith((address, "blob:", "data:", "chrome")):
                bad.append(f"request to {url}")
        sockets += message["method"] == "Network.webSocketCreated"
    # One for the modes, two each time that thought to image begins: twice.
    if sockets != 5:
        bad.append(f"{sockets} WebSockets, expected 5")
    return bad


def reconnects(viewer, program, options, address):
    """The program goes and comes back on its port: the page finds it again."""
    viewer.wait("a lost connection", lambda: "lost" in viewer.find("connection").text)
    again = Server(program, "--port", address.rsplit(":", 1)[1], *options)
    try:
        viewer.wait("the connection", lambda: viewer.find("connection").text == "connected")
        viewer.expect_moving(3)
        viewer.choose("lock")
        viewer.expect_moving(3)
    finally:
        code = again.stop()
    assert code == 0, f"expected exit 0, got {code}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--model")
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    for needed in ("chromium", "chromedriver"):
        if not shutil.which(needed):
            print(f"SKIPPED: no {needed} (Debian: chromium, chromium-driver)")
            return SKIPPED
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    camera = folder / "camera.y4m"
    camera_file(camera)
    options = ["--token", TOKEN] + (["--model", arguments.model] if arguments.model else [])
    os.environ.setdefault("SE_OFFLINE", "true")
    server = Server(arguments.program, *options)
    browser = browser_for(folder, camera)
    try:
        viewer = Viewer(browser, arguments.screenshots)
        browser.get(f"{server.address}/?token={urllib.parse.quote(TOKEN)}")
        viewer.wait("the modes", lambda: len(viewer.find("modes").find_elements(By.TAG_NAME, "button")) == len(MODES))
        viewer.find("run").click()
        every_mode(viewer, arguments.screenshots is not None)
        solvers(viewer)
        sources(viewer, folder)
        keyboard(viewer, folder)
        phone(viewer)
        thought_again(viewer)
        assert "token" not in browser.current_url, browser.current_url
        bad = complaints(browser, server.address)
        assert not bad, bad
        code = server.stop()
        assert code == 0, f"expected exit 0 on SIGTERM, got {code}"
        reconnects(viewer, arguments.program, options, server.address)
    finally:
        browser.quit()
        if server.process.poll() is None:
            server.process.kill()
    print("page: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
