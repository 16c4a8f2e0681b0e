"""The manifests: what they say is what Kubernetes documents, their commands gate for real, and the admission policy lets no pod past the verifier.

The policy's CEL expressions are evaluated by Google's engine on the pod as Python values. Kubernetes types the pod by its schema; a field that is not set is
absent in both, which is why every optional field is asked for with ``has``.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cel_expr_python import cel

from tests.examples.conftest import EXAMPLES, ROOT, Workspace

FOLDER = EXAMPLES / "kubernetes"
Pod = dict[str, Any]
CLAIM_2 = {"name": "data2", "persistentVolumeClaim": {"claimName": "other"}}
# Fields of the API reference of Kubernetes 1.34 that the manifests use, by kind of object. A misspelt field is in none of them.
JOB_FIELDS = {"completionMode", "completions", "parallelism", "backoffLimit", "podFailurePolicy", "template"}
POD_FIELDS = {"restartPolicy", "automountServiceAccountToken", "securityContext", "initContainers", "containers", "volumes"}
CONTAINER_FIELDS = {"name", "image", "command", "args", "securityContext", "resources", "volumeMounts"}


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


def job() -> dict[str, Any]:
    (document,) = documents("job.yaml")
    return document


def pod() -> Pod:
    """The pod that the Job controller makes of the example."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "helpdesk-7b-0"}, **copy.deepcopy(job()["spec"]["template"])}


def refusals(policy: dict[str, Any], **values: Any) -> list[str]:
    """The messages of the validations that do not hold; an expression that cannot be evaluated counts as not holding, as failurePolicy Fail says."""
    spec = policy["spec"]
    assert spec["failurePolicy"] == "Fail"
    env = cel.NewEnv(variables=dict.fromkeys(("object", "oldObject", "request", "variables"), cel.Type.DYN))
    variables: dict[str, Any] = {}
    context = {"object": None, "oldObject": None, "request": None, **values}

    def holds(expression: str) -> Any:
        return env.compile(expression).eval(data={**context, "variables": variables}).plain_value()

    for variable in spec.get("variables", []):
        variables[variable["name"]] = holds(variable["expression"])
    refused = []
    for validation in spec["validations"]:
        try:
            held = holds(validation["expression"])
        except Exception as err:  # noqa: BLE001 – whatever the engine raises, the API server would refuse
            held = f"error: {err}"
        if held is not True:
            refused.append(str(validation["message"]))
    return refused


def gate(changed: Pod) -> list[str]:
    return refusals(documents("admission-policy.yaml")[0], object=changed)


def test_the_pod_of_the_example_is_admitted() -> None:
    assert gate(pod()) == []
    plain = pod()
    del plain["spec"]["securityContext"]
    plain["spec"]["volumes"].append({"name": "scratch", "emptyDir": {}})
    plain["spec"]["containers"][0]["volumeMounts"].append({"name": "scratch", "mountPath": "/database"})
    plain["spec"]["containers"][0]["env"] = [{"name": "OMP_NUM_THREADS", "value": "8"}]
    assert gate(plain) == []


def verifier(changed: Pod) -> dict[str, Any]:
    found: dict[str, Any] = changed["spec"]["initContainers"][0]
    return found


def trainer(changed: Pod) -> dict[str, Any]:
    found: dict[str, Any] = changed["spec"]["containers"][0]
    return found


def mounts(container: dict[str, Any]) -> dict[str, Any]:
    return {m["name"]: m for m in container["volumeMounts"]}


BREAKS: list[tuple[str, Callable[[Pod], Any], str]] = [
    ("no init container", lambda p: p["spec"].pop("initContainers"), "must be the verifier"),
    ("another first", lambda p: p["spec"]["initContainers"].insert(0, {**trainer(p), "name": "first"}), "must be the verifier"),
    ("two of the name", lambda p: p["spec"]["initContainers"].append(verifier(p)), "must be the verifier"),
    ("another image", lambda p: verifier(p).update(image="registry.example.org/provenance:latest"), "pinned image"),
    ("a shell", lambda p: verifier(p).update(command=["sh", "-c", "true"]), "must run the prefix"),
    ("no command", lambda p: verifier(p).pop("command"), "must run the prefix"),
    ("another root", lambda p: verifier(p)["command"].__setitem__(9, "/empty"), "must run the prefix"),
    ("another run file", lambda p: verifier(p)["command"].__setitem__(11, "/output/run.yaml"), "must run the prefix"),
    ("an argument", lambda p: verifier(p).update(args=["x"]), "must run the prefix"),
    ("no -I", lambda p: verifier(p)["command"].remove("-I"), "must run the prefix"),
    ("a variable", lambda p: verifier(p).update(env=[{"name": "LD_PRELOAD", "value": "/data/evil.so"}]), "takes no env"),
    ("variables", lambda p: verifier(p).update(envFrom=[{"configMapRef": {"name": "evil"}}]), "takes no env"),
    ("a sidecar", lambda p: verifier(p).update(restartPolicy="Always"), "takes no env"),
    ("code mounted", lambda p: verifier(p)["volumeMounts"].append({"name": "output", "mountPath": "/opt/provenance"}), "and nothing else"),
    ("trust from clearance", lambda p: mounts(verifier(p))["trust"].update(name="clearance"), "and nothing else"),
    ("another trust", lambda p: p["spec"]["volumes"][2]["configMap"].update(name="mine"), "provenance-trust"),
    ("a key of trust", lambda p: p["spec"]["volumes"][2]["configMap"].update(items=[{"key": "x", "path": "trust.json"}]), "provenance-trust"),
    ("trust is a secret", lambda p: p["spec"]["volumes"].__setitem__(2, {"name": "trust", "secret": {"secretName": "mine"}}), "provenance-trust"),
    ("no volumes", lambda p: p["spec"].pop("volumes"), "provenance-trust"),
    ("data written", lambda p: mounts(trainer(p))["data"].update(readOnly=False), "read-only and whole"),
    ("data written by default", lambda p: mounts(trainer(p))["data"].pop("readOnly"), "read-only and whole"),
    ("a part verified", lambda p: mounts(verifier(p))["data"].update(subPath="clean"), "read-only and whole"),
    ("a part trained", lambda p: mounts(trainer(p))["data"].update(subPathExpr="$(X)"), "read-only and whole"),
    ("data elsewhere", lambda p: mounts(trainer(p))["data"].update(mountPath="/mnt"), "mounted at /data"),
    ("output below data", lambda p: mounts(trainer(p))["output"].update(mountPath="/data/more"), "mounted at /data"),
    ("output over data", lambda p: mounts(trainer(p))["output"].update(mountPath="/x/../data"), "mounted at /data"),
    ("other data", lambda p: p["spec"]["volumes"].append(CLAIM_2), "other data"),
    ("the node's files", lambda p: p["spec"]["volumes"].append({"name": "h", "hostPath": {"path": "/"}}), "other data"),
    ("output is data", lambda p: p["spec"]["volumes"][3]["persistentVolumeClaim"].update(claimName="helpdesk-7b-data"), "a claim of its own"),
    ("output is the node's", lambda p: p["spec"]["volumes"].__setitem__(3, {"name": "output", "hostPath": {"path": "/"}}), "a claim of its own"),
    ("no prefix", lambda p: trainer(p).update(command=["torchrun"]), "must be the prefix"),
    ("the image's command", lambda p: trainer(p).pop("command"), "must be the prefix"),
    ("a second trainer", lambda p: p["spec"]["containers"].append({**trainer(p), "name": "b", "command": ["sh"]}), "must be the prefix"),
    ("a second init", lambda p: p["spec"]["initContainers"].append({"name": "b", "image": "x", "command": ["sh"]}), "must be the prefix"),
    ("a debugger", lambda p: p["spec"].update(ephemeralContainers=[{"name": "d", "image": "x"}]), "ephemeral"),
    ("shared processes", lambda p: p["spec"].update(shareProcessNamespace=True), "share no processes"),
    ("the node's processes", lambda p: p["spec"].update(hostPID=True), "share no processes"),
]


@pytest.mark.parametrize(("change", "words"), [b[1:] for b in BREAKS], ids=[b[0] for b in BREAKS])
def test_a_pod_that_gets_round_the_verifier_is_refused(change: Callable[[Pod], Any], words: str) -> None:
    changed = pod()
    change(changed)
    assert any(words in message for message in gate(changed))


def test_every_validation_of_the_policy_is_seen_to_refuse() -> None:
    policy = documents("admission-policy.yaml")[0]
    for validation in policy["spec"]["validations"]:
        assert any(words in validation["message"] for _, _, words in BREAKS), validation["message"]


@pytest.mark.parametrize(
    ("operation", "name", "groups", "refused"),
    [
        ("CREATE", "provenance-trust", ["users"], True),
        ("UPDATE", "provenance-trust", ["users"], True),
        ("DELETE", "provenance-trust", ["users"], True),
        ("UPDATE", "provenance-trust", ["users", "provenance-officers"], False),
        ("DELETE", "provenance-trust", ["provenance-officers"], False),
        ("CREATE", "helpdesk-7b-clearance", ["users"], False),
        ("DELETE", "helpdesk-7b-clearance", ["users"], False),
        ("CREATE", "provenance-trust", [], True),
    ],
)
def test_only_officers_write_the_trust_file(operation: str, name: str, groups: list[str], refused: bool) -> None:
    there = {"metadata": {"name": name}}
    objects = {"object": None, "oldObject": there} if operation == "DELETE" else {"object": there, "oldObject": None}
    said = refusals(documents("admission-policy.yaml")[2], request={"operation": operation, "userInfo": {"groups": groups}}, **objects)
    assert bool(said) is refused


def test_the_policies_are_bound_and_deny() -> None:
    kinds = [(d["kind"], d["apiVersion"]) for d in documents("admission-policy.yaml")]
    group = "admissionregistration.k8s.io/v1"
    assert kinds == [("ValidatingAdmissionPolicy", group), ("ValidatingAdmissionPolicyBinding", group)] * 2
    for policy, binding in (documents("admission-policy.yaml")[i : i + 2] for i in (0, 2)):
        assert binding["spec"]["policyName"] == policy["metadata"]["name"]
        assert binding["spec"]["validationActions"] == ["Deny"]
        assert binding["spec"]["matchResources"]["namespaceSelector"]["matchLabels"] == {"provenance.example.org/gated": "true"}
    rules = documents("admission-policy.yaml")[0]["spec"]["matchConstraints"]["resourceRules"][0]
    assert (rules["operations"], rules["resources"]) == (["CREATE", "UPDATE"], ["pods", "pods/ephemeralcontainers"])


def test_a_denial_is_final_for_the_job_and_the_jobset() -> None:
    spec = job()["spec"]
    assert set(spec) <= JOB_FIELDS
    assert set(spec["template"]["spec"]) <= POD_FIELDS
    assert spec["template"]["spec"]["restartPolicy"] == "Never", "podFailurePolicy is refused with any other"
    first = spec["podFailurePolicy"]["rules"][0]
    assert first == {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [77]}}, "no containerName: of the verifier and of the trainer"
    (jobset,) = documents("jobset.yaml")
    (rule,) = jobset["spec"]["failurePolicy"]["rules"]
    assert (rule["action"], rule["onJobFailureReasons"]) == ("FailJobSet", ["PodFailurePolicy"])


def test_the_containers_are_pinned_and_locked() -> None:
    spec = pod()["spec"]
    for container in (verifier(pod()), trainer(pod())):
        assert set(container) <= CONTAINER_FIELDS
        assert "@sha256:" in container["image"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {m["name"] for m in container["volumeMounts"]} <= {v["name"] for v in spec["volumes"]}
        assert container["command"][3] == "provenance.hooks.launcher"
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["volumes"][0]["persistentVolumeClaim"]["readOnly"] is True


def started(workspace: Workspace, container: dict[str, Any], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run a container's command with its paths moved to the workspace, in this Python."""
    places = {
        "/provenance/clearance/run.clearance.json": str(workspace.clearance),
        "/provenance/trust/trust.json": str(workspace.trust),
        "/provenance/clearance/run.yaml": str(workspace.run_file),
        "/data": str(workspace.data),
        "/dev/termination-log": str(tmp_path / "termination-log"),
    }
    words = [places.get(word, word) for word in [*container["command"], *container.get("args", [])]]
    assert words[:4] == ["/opt/provenance/bin/python", "-I", "-m", "provenance.hooks.launcher"]
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from provenance.hooks.launcher import run; sys.exit(run(sys.argv[1:]))"
    return subprocess.run([sys.executable, "-I", "-c", code, *words[4:]], capture_output=True, text=True, check=False)


def test_verifier_and_trainer_start_on_cleared_data_and_end_with_77_on_changed(cleared: Workspace, tmp_path: Path) -> None:
    assert started(cleared, verifier(pod()), tmp_path).returncode == 0
    train = {**trainer(pod()), "args": ["/bin/echo", "the trainer runs"]}
    assert started(cleared, train, tmp_path).stdout == "the trainer runs\n"
    assert not (tmp_path / "termination-log").exists()
    cleared.change()
    assert started(cleared, verifier(pod()), tmp_path).returncode == 77
    assert '"exit_code": 77' in (tmp_path / "termination-log").read_text(encoding="utf-8"), "kubectl describe shows it"
    denied = started(cleared, train, tmp_path)
    assert (denied.returncode, denied.stdout) == (77, "")


def test_a_clearance_of_another_run_does_not_start_the_pod(cleared: Workspace, tmp_path: Path) -> None:
    cleared.run_file.write_bytes(cleared.run_file.read_bytes() + b"# another run\n")
    assert started(cleared, verifier(pod()), tmp_path).returncode == 77
    assert "run file" in (tmp_path / "termination-log").read_text(encoding="utf-8")


def test_the_committed_trust_file_believes_nobody(cleared: Workspace, tmp_path: Path) -> None:
    (trust,) = documents("trust.yaml")
    assert trust["metadata"]["name"] == "provenance-trust"
    cleared.trust.write_text(trust["data"]["trust.json"], encoding="utf-8")
    assert started(cleared, verifier(pod()), tmp_path).returncode == 77
