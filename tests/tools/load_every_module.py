# Runs on MicroPython: mounts an image as "/" and imports every module in it.
# What only an ESP32 has is replaced by objects that give any name but cannot be called, so a module that
# does work when it is imported fails here. Prints the path of each module, then the image's identity.
import sys

import vfs


class Flash:
    def __init__(self, path, blocks):
        self.file = open(path, "r+b")  # noqa: SIM115 - open as long as the file system is mounted
        self.blocks = blocks

    def readblocks(self, block, data, offset=0):
        self.file.seek(block * 4096 + offset)
        self.file.readinto(data)

    def writeblocks(self, block, data, offset=0):
        raise OSError("loading a module must not write")

    def ioctl(self, operation, _):
        if operation == 4:
            return self.blocks
        return 4096 if operation == 5 else 0


class Name:
    def __init__(self, name):
        self.name = name

    def __getattr__(self, name):
        return Name(self.name + "." + name)


def modules(folder):
    import os

    for entry in os.ilistdir(folder):
        path = folder + "/" + entry[0]
        if entry[1] == 0x4000:
            yield from modules(path)
        elif path.endswith(".mpy"):
            yield path


flash = Flash(sys.argv[1], int(sys.argv[2]))
vfs.umount("/")
vfs.mount(vfs.VfsLfs2(flash), "/")
sys.path[:] = ["/lib"]
for name in ("machine", "esp32", "network", "onewire", "esp", "socket", "usocket"):
    sys.modules[name] = Name(name)

for path in modules("/lib"):
    name = path[len("/lib/") : -len(".mpy")].replace("/", ".")
    if name.endswith(".__init__"):
        name = name[: -len(".__init__")]
    __import__(name)
    print(path)
for script in ("/boot.py", "/main.py"):
    with open(script) as file:
        compile(file.read(), script, "exec")
image = sys.modules["image"]
print(image.APP, image.BOARD, image.VERSION, image.VERSION_NUMBER)
