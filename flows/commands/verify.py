"""``factory verify``: whether all that was recorded is still what was written."""

from argparse import Namespace
from dataclasses import asdict

from flows.console import answers, print_json
from flows.workplace import open_unmended, resolve
from registry.verify import Proof, verify_all, verify_model


def run(args: Namespace) -> int:
    """Look at one model, or at all."""
    models = open_unmended(args.home).models
    if args.name is None:
        proofs = verify_all(models)
    else:
        proofs = [verify_model(models, resolve(args.name)[0])]
    whole = all(proof.damage is None for proof in proofs)
    if args.json:
        told = [{**asdict(proof), "whole": proof.damage is None} for proof in proofs]
        print_json({"whole": whole, "models": told})
    else:
        for proof in proofs:
            tell(proof)
    return 1 if args.exit_code and not whole else 0


def tell(proof: Proof) -> None:
    """Print what was found of a model."""
    if proof.damage is not None:
        answers.print(f"[bold]{proof.model}[/bold]: [red]damaged[/red]")
        answers.print(f"{proof.damage}.", markup=False)
        return
    answers.print(f"[bold]{proof.model}[/bold]: [green]whole[/green]")
    answers.print(
        f"{proof.entries:,} entries of the ledger, {proof.frames:,} tables and "
        f"{proof.versions:,} versions are what was written"
    )
    if proof.gone:
        numbers = ", ".join(map(str, proof.gone))
        answers.print(f"never served and gone from MLflow: version {numbers}")
