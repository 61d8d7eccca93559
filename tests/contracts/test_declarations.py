"""What each loss declares agrees with what it does and with what it says: promises 20 and 26."""

from __future__ import annotations

import inspect

import pytest

import crossentropy as ce
from crossentropy._loss import LOSSES, Loss
from crossentropy.reference import losses as reference
from tests.support.formulas import FORMULAS
from tests.support.parts import OPTIONS, PREDICTIONS, TARGETS

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def test_promise_26_every_loss_has_its_derivatives() -> None:
    assert LOSSES
    for name, loss in LOSSES.items():
        assert getattr(ce, name) is loss
        assert name in ce.__all__
        for method in ("value_and_grad", "hvp", "hessian_diagonal"):
            assert callable(getattr(loss, method))
            assert inspect.getdoc(getattr(loss, method))
    public = {name for name in ce.__all__ if isinstance(getattr(ce, name), Loss)}
    assert public == set(LOSSES)


@every_loss
def test_signature_is_the_contract(loss: Loss[...]) -> None:
    parameters = inspect.signature(loss).parameters
    positional = [p.name for p in parameters.values() if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    keywords = {p.name: p.default for p in parameters.values() if p.kind is inspect.Parameter.KEYWORD_ONLY}
    assert tuple(positional) == loss.contract.arguments
    assert keywords == loss.contract.options
    assert len(positional) + len(keywords) == len(parameters)
    assert loss.contract.name == loss.__name__


@every_loss
def test_docstring_describes_every_argument_and_option_and_no_other(loss: Loss[...]) -> None:
    doc = inspect.getdoc(loss) or ""
    arguments = doc.split("Args:\n")[1].split("\n\n")[0]
    described = [
        line.strip().split(":")[0] for line in arguments.splitlines() if line.startswith("    ") and line[4] != " "
    ]
    assert described == [*loss.contract.arguments, *loss.contract.options]
    assert "{" not in doc.replace("y in {0, 1}", "")


@every_loss
def test_promise_20_docstring_states_the_accuracy_that_is_tested(loss: Loss[...]) -> None:
    doc = " ".join((inspect.getdoc(loss) or "").split())
    assert loss.contract.value_ulp == loss.contract.gradient_ulp
    assert (
        f"values and gradients within {loss.contract.value_ulp:g} ULP of the exact result in float32 and float64" in doc
    )
    assert f"Hessian products and diagonals within {loss.contract.hessian_ulp:g} ULP of the row's largest term" in doc


@every_loss
def test_reference_has_every_formula(loss: Loss[...]) -> None:
    for suffix in ("", "_weight", "_gradient", "_hvp", "_hessian_diagonal"):
        assert callable(getattr(reference, loss.__name__ + suffix))


@every_loss
def test_tests_know_how_to_draw_a_call(loss: Loss[...]) -> None:
    contract = loss.contract
    assert contract.domain in PREDICTIONS
    assert set(contract.target_kinds) <= set(TARGETS)
    assert contract.options.keys() <= OPTIONS.keys()
    assert contract.name in FORMULAS
