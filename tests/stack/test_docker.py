import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from flows.cli import COMMANDS

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
KNOWN = {command.name for command in COMMANDS}
ONCE = {
    name for name, service in SERVICES.items() if service.get("restart") in {"no", "on-failure"}
}


def words(command):
    return command if isinstance(command, list) else command.split()


def stage(target):
    return next(s for s in STAGES if s.splitlines()[0].endswith(f" AS {target}"))


def commands():
    """Every command line of ours that compose or an image starts."""
    lines = [words(s["command"]) for s in SERVICES.values() if "command" in s]
    lines += [yaml.safe_load(line[4:]) for line in DOCKERFILE.splitlines() if line[:5] == "CMD ["]
    for line in lines:
        text = " ".join(line)
        yield from re.findall(r"(?:^| )factory ([a-z]+)", text)


@pytest.mark.parametrize("name", SERVICES)
def test_services_are_pinned_and_not_root(name):
    service = SERVICES[name]
    _, _, tag = service["image"].rpartition(":")
    assert re.match(r"v?\d+\.\d+", tag), service["image"]
    if "build" in service:
        build = service["build"]
        assert (DOCKER / build["context"]).resolve() == ROOT
        assert (ROOT / build["dockerfile"]).is_file()
        assert "USER 10001:10001" in stage("runtime")
        assert stage(build["target"]).startswith("runtime AS ")
    else:
        assert service["user"].partition(":")[0] not in {"0", "root"}
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged", False)


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONCE))
def test_what_keeps_running_has_a_health_check_and_bounded_logs(name):
    service = SERVICES[name]
    if "healthcheck" in service:
        assert service["healthcheck"]["test"]
    else:
        assert "HEALTHCHECK" in stage(service["build"]["target"])
    assert service["logging"]["options"]["max-size"]


def test_every_command_exists():
    assert set(commands()) >= {"server", "deploy", "worker", "serve"}
    assert set(commands()) <= KNOWN


@pytest.mark.parametrize("name", SERVICES)
def test_what_services_wait_for_and_mount_is_there(name):
    service = SERVICES[name]
    waits = service.get("depends_on", {})
    assert set(waits) <= set(SERVICES)
    for other, how in waits.items():
        done = how["condition"] == "service_completed_successfully"
        assert done == (other in ONCE), (name, other)
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
    for volume in service.get("volumes", ()):
        source, _, _ = volume.partition(":")
        there = (
            (DOCKER / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        )
        assert there, volume


def test_ports_are_open_to_this_machine_only():
    opened = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert opened
    assert all(port.startswith("127.0.0.1:") for port in opened)


def test_secrets_come_from_the_environment_and_nowhere_else():
    assert all(set(secret) == {"environment"} for secret in COMPOSE["secrets"].values())
    for name, service in SERVICES.items():
        for key, value in (service.get("environment") or {}).items():
            secret = re.search(r"PASSWORD|SECRET|AUTH|TOKEN", key)
            if secret:
                assert key.endswith("_FILE"), (name, key)
                assert value.removeprefix("/run/secrets/") in service["secrets"]
            assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), (name, key)


def test_the_entrypoint_turns_secret_files_into_variables(tmp_path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "one").write_text("a b'c$d")
    script = (DOCKER / "entrypoint.sh").read_text().replace("/run/secrets", str(secrets))
    told = subprocess.run(
        ["/bin/sh", "-c", script, "entrypoint", "printenv", "PGPASSWORD"],
        env={"PATH": "/usr/bin:/bin", "PGPASSWORD_FILE": f"{secrets}/one"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == "a b'c$d\n"


def test_images_are_built_from_what_git_tracks_and_no_more():
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text().split()
    assert ignored[0] == "*"
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, flags=re.MULTILINE)
    for path in " ".join(copied).split():
        assert f"!{path}" in ignored
        assert (ROOT / path).exists()


def test_grafana_and_prometheus_know_each_other():
    source = yaml.safe_load(
        (DOCKER / "grafana/provisioning/datasources/prometheus.yaml").read_text()
    )["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    scraped = yaml.safe_load((DOCKER / "prometheus/prometheus.yml").read_text())
    hosts = {
        target.partition(":")[0]
        for job in scraped["scrape_configs"]
        for part in job["static_configs"]
        for target in part["targets"]
    }
    assert hosts - {"localhost"} <= set(SERVICES)


def test_hadolint_finds_nothing():
    hadolint = shutil.which("hadolint", path=str(ROOT / ".venv" / "bin")) or shutil.which(
        "hadolint"
    )
    assert hadolint, "pip install 'drift-factory[dev]'"
    told = subprocess.run(
        [hadolint, str(DOCKER / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert told.stdout == ""
    assert told.returncode == 0
