#!/usr/bin/env python3
"""The real-kernel lab: boots a Debian kernel in QEMU and records what it answers.

    lab.py record SCENARIOS.jsonl --init INIT --kernel DIR [--machines DIR] [-o FILE] [--only GLOB] [--jobs N]
    lab.py capture MACHINE.json --init INIT --kernel DIR -o TREE.json
    lab.py check SCENARIOS.jsonl --init INIT --kernel DIR [--machines DIR] [--only GLOB] --command BUSPROOF

`check` records, and has `busproof fake replay` say whether the fake does the same: the exit code is its own.

A scenario needs its operations alone: results, states and events are recorded anew. A machine is a captured tree
(sysfs-NAME.json), of which "qemu_arguments" and "kernel_arguments" count. DIR is an unpacked linux-image package
(dpkg-deb -x). Exit code 77: there is no QEMU or no kernel here, and why is printed.
"""
import argparse
import concurrent.futures
import fnmatch
import json
import lzma
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
# In this order, each after what it needs. The stubs come last, so that a native driver is always the first that matches.
MODULES = """virtio_pci virtio_net virtio_rng e1000 e1000e 8139cp 8139too nvme xhci_pci ahci i2c_i801 lpc_ich
             ata_piix e100 ehci_pci i2c_piix4 megaraid_sas ohci_pci sym53c8xx tulip uhci_hcd vmxnet3
             pci_stub vfio vfio_iommu_type1 vfio_virqfd vfio_pci""".split()
KERNEL_ARGUMENTS = ("console=ttyS0 quiet panic=-1 mitigations=off no_timer_check tsc=reliable cryptomgr.notests "
                    "rdinit=/init")


class Skip(Exception):
    pass


def vmlinux(vmlinuz: bytes) -> bytes:
    """The kernel inside its self-extracting image. It boots by its PVH entry, which spares the slow extraction."""
    setup_sectors = vmlinuz[0x1F1]
    payload_offset = int.from_bytes(vmlinuz[0x248:0x24C], "little")
    payload_length = int.from_bytes(vmlinuz[0x24C:0x250], "little")
    start = (setup_sectors + 1) * 512 + payload_offset
    payload = vmlinuz[start:start + payload_length]
    if payload.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor().decompress(payload)
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        # Behind the stream lies its size, which zstd complains of after having done its work.
        return subprocess.run(["zstd", "-dc"], input=payload, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    raise Skip("a kernel compressed in a way that is not known here")


def module_files(kernel: pathlib.Path) -> dict:
    """Name, as the kernel spells it, to file."""
    files = {}
    for file in kernel.glob("**/lib/modules/*/kernel/**/*.ko*"):
        files[file.name.split(".ko")[0].replace("-", "_")] = file
    return files


def module_content(file: pathlib.Path) -> bytes:
    content = file.read_bytes()
    return lzma.decompress(content) if file.suffix == ".xz" else content


def with_needs(names, files):
    """The modules and all that they need, in order of dependency. What is built in has no file."""
    order, contents = [], {}

    def add(name):
        if name in contents or name not in files:
            return
        contents[name] = module_content(files[name])
        needs = re.search(rb"\0depends=([^\0]*)\0", contents[name])
        for need in (needs.group(1).decode() if needs else "").split(","):
            if need:
                add(need.replace("-", "_"))
        order.append(name)

    for name in names:
        add(name.replace("-", "_"))
    return order, contents


def cpio(entries) -> bytes:
    """An archive in the form that the kernel takes as its initramfs. An entry without content is a directory."""
    out = bytearray()

    def add(name, mode, content):
        fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
        out.extend(b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0")
        out.extend(b"\0" * (-len(out) % 4))
        out.extend(content)
        out.extend(b"\0" * (-len(out) % 4))

    for name, content in entries:
        add(name, 0o040755 if content is None else 0o100755, content or b"")
    add("TRAILER!!!", 0, b"")
    return bytes(out)


class Lab:
    def __init__(self, kernel, init, folder, patience):
        self.patience = patience
        self.qemu = shutil.which("qemu-system-x86_64")
        if self.qemu is None:
            raise Skip("there is no qemu-system-x86_64")
        images = sorted(kernel.glob("**/boot/vmlinuz-*")) if kernel else []
        if not images:
            raise Skip(f"there is no kernel below {kernel}")
        self.folder = folder
        self.image = folder / "vmlinux"
        self.image.write_bytes(vmlinux(images[0].read_bytes()))
        self.modules, contents = with_needs(MODULES, module_files(kernel))
        self.base = cpio([("dev", None), ("proc", None), ("sys", None), ("modules", None),
                          ("init", init.read_bytes())] +
                         [(f"modules/{name}.ko", content) for name, content in contents.items()])

    def boot(self, name, machine, work):
        """What the guest tells, one object a line."""
        initrd = self.folder / f"{name}.cpio"
        said = self.folder / f"{name}.out"
        work["modules"] = self.modules
        initrd.write_bytes(self.base + cpio([("work.json", json.dumps(work).encode())]))
        command = [self.qemu, *machine["qemu_arguments"], "-kernel", str(self.image), "-initrd", str(initrd),
                   "-append", f"{KERNEL_ARGUMENTS} {machine.get('kernel_arguments', '')}",
                   "-display", "none", "-serial", "file:" + str(self.folder / f"{name}.console"),
                   "-chardev", f"file,id=said,path={said}", "-device", "isa-debugcon,iobase=0xe9,chardev=said",
                   "-device", "isa-debug-exit,iobase=0x501"]
        try:
            run = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=self.patience)
            complaint = run.stderr.decode(errors="replace")
        except subprocess.TimeoutExpired:
            complaint = f"It was stopped after {self.patience} s."  # what it has told until then counts
        initrd.unlink()
        # A guest that dies leaves half a line.
        lines = [json.loads(line) for line in said.read_text().splitlines(True) if line.endswith("}\n")]
        if not lines:
            console = self.folder / f"{name}.console"
            raise RuntimeError(f"{name}: the guest said nothing. {complaint[-500:]} "
                               f"{console.read_text(errors='replace')[-1500:] if console.exists() else ''}")
        return lines

    def capture(self, machine):
        for line in self.boot("capture", machine, {"capture": True, "scenario": {}}):
            if "tree" in line:
                tree = {**line["tree"], **{key: machine[key] for key in ("machine", "kernel_arguments", "qemu_arguments")
                                           if key in machine}}
                return tree
        raise RuntimeError("no tree came")

    def record(self, index, scenario, machine):
        recorded = None
        for line in self.boot(f"{index}", machine, {"scenario": scenario}):
            if "scenario" in line:
                recorded = line["scenario"]
            elif "step" in line:
                recorded["steps"].append(line["step"])
            elif "done" not in line:
                print(f"{scenario['scenario']}: {line}", file=sys.stderr)
        if recorded is None:
            raise RuntimeError(f"{scenario['scenario']}: no recording came")
        if len(recorded["steps"]) < len(scenario["steps"]):
            print(f"{scenario['scenario']}: ends after {len(recorded['steps'])} steps", file=sys.stderr)
        return recorded


def machines_in(folders) -> dict:
    trees = {}
    for folder in folders:
        for file in sorted(folder.glob("sysfs-*.json")):
            trees.setdefault(file.stem.removeprefix("sysfs-"), json.loads(file.read_text()))
    return trees


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["record", "capture", "check"])
    parser.add_argument("input", type=pathlib.Path)
    parser.add_argument("--init", type=pathlib.Path, required=True)
    parser.add_argument("--kernel", type=pathlib.Path)
    parser.add_argument("--machines", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--only", default="*")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--patience", type=int, default=300, help="seconds that a guest may take")
    parser.add_argument("-o", "--output", type=pathlib.Path)
    parser.add_argument("--command", default="busproof")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="busproof-lab-") as folder:
        lab = Lab(options.kernel, options.init, pathlib.Path(folder), options.patience)
        if options.verb == "capture":
            tree = lab.capture(json.loads(options.input.read_text()))
            options.output.write_text(json.dumps(tree, separators=(",", ":")) + "\n")
            return 0
        if options.verb == "check":
            options.output = pathlib.Path(folder) / "recorded.jsonl"
        machines = machines_in(options.machines)
        if not machines:
            raise Skip("there is no captured machine in " + " ".join(map(str, options.machines)))
        scenarios = [json.loads(line) for line in options.input.read_text().splitlines() if line.strip()]
        scenarios = [one for one in scenarios if fnmatch.fnmatch(one["scenario"], options.only)]
        failed = 0
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool, options.output.open("w") as output:
            waiting = [pool.submit(lab.record, index, one, machines[one["topology"]])
                       for index, one in enumerate(scenarios)]
            for one in concurrent.futures.as_completed(waiting):
                try:
                    output.write(json.dumps(one.result(), separators=(",", ":")) + "\n")
                    output.flush()
                except RuntimeError as error:
                    print(str(error)[:2500], file=sys.stderr)
                    failed = 1
        if options.verb == "check" and not failed:
            trees = [word for machine in options.machines for word in ("--tree", str(machine))]
            failed = subprocess.run([options.command, "fake", "replay", str(options.output), *trees]).returncode
        return failed


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Skip as reason:
        print(f"The real-kernel lab is skipped: {reason}.")
        sys.exit(SKIPPED)
