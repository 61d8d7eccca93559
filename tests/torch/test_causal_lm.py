"""patch_causal_lm: transformers' models learn the same without their logits."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import transformers

import crossentropy.torch as ct
from crossentropy.torch._causal_lm import Logits
from tests.torch.test_drop_in_functions import Sizes, raised

Tensor = torch.Tensor
CLASSES, ROWS, TOKENS = 300, 2, 40
SIZES = {
    "vocab_size": CLASSES,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def _model(name: str, **options: Any) -> Any:
    torch.manual_seed(0)
    config = getattr(transformers, name + "Config")(**SIZES, **options)
    return getattr(transformers, name + "ForCausalLM")(config)


def _gpt2() -> Any:
    torch.manual_seed(0)
    sizes = {"vocab_size": CLASSES, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}
    none = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    tokens = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "loss_type": "ForCausalLM"}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, **none, **tokens))


def _biased() -> Any:
    model = _model("Llama")
    model.lm_head = torch.nn.Linear(32, CLASSES)
    return model


MODELS: dict[str, Callable[[], Any]] = {
    "Llama": lambda: _model("Llama"),
    "Llama, tied": lambda: _model("Llama", tie_word_embeddings=True),
    "Llama, biased": _biased,
    "GPT-2": _gpt2,
    "Gemma 2, softcap 3": lambda: _model("Gemma2", head_dim=16, final_logit_softcapping=3.0),
    "Cohere, factor": lambda: _model("Cohere", logit_scale=0.25),
    "Granite, divisor": lambda: _model("Granite", logits_scaling=4.0),
    "Mixtral, aux loss": lambda: _model("Mixtral", num_local_experts=2, output_router_logits=True),
}
each_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


@pytest.fixture(autouse=True)
def transformers_says_nothing() -> Iterator[None]:
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    yield
    transformers.logging.set_verbosity(level)


def batch() -> dict[str, Tensor]:
    tokens = torch.randint(3, CLASSES, (ROWS, TOKENS), generator=torch.Generator().manual_seed(1))
    labels = tokens.clone()
    labels[0, :7] = -100
    return {"input_ids": tokens, "labels": labels, "attention_mask": torch.ones_like(tokens)}


def trained(model: Any, **options: Any) -> tuple[Any, dict[str, Tensor]]:
    """The result, and the gradient of every parameter."""
    model.zero_grad()
    output = model(**(batch() | options))
    output.loss.backward()
    return output, {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def assert_alike(found: Any, expected: Any) -> None:
    """Loss and gradients within 1e-5 of the largest: both models compute in float32."""
    (output, gradients), (plain, slopes) = found, expected
    torch.testing.assert_close(output.loss, plain.loss, rtol=1e-6, atol=0)
    assert gradients.keys() == slopes.keys()
    for name, slope in slopes.items():
        largest = slope.abs().max().item()
        assert largest > 0, name
        torch.testing.assert_close(gradients[name], slope, rtol=0, atol=1e-5 * largest, msg=name)


@each_model
@pytest.mark.parametrize("items", [None, 17, torch.tensor(17)], ids=["mean", "number", "tensor"])
def test_loss_and_gradients_are_the_models_own(make: Callable[[], Any], items: Any) -> None:
    model, options = make(), {} if items is None else {"num_items_in_batch": items}
    plain = trained(model, **options)
    assert ct.patch_causal_lm(model) is model
    found = trained(model, **options)
    assert_alike(found, plain)
    assert isinstance(found[0].logits, Logits)
    assert type(found[0]) is type(plain[0])


def test_in_float64_the_loss_keeps_its_digits() -> None:
    """transformers computes it in float32, whatever the model; so what it is held against is computed here."""
    model, given = _model("Llama").double(), batch()
    logits = model(given["input_ids"]).logits[:, :-1]
    exact = torch.nn.functional.cross_entropy(logits.transpose(1, 2), given["labels"][:, 1:])
    slopes = torch.autograd.grad(exact, list(model.parameters()))
    output, gradients = trained(ct.patch_causal_lm(model))
    torch.testing.assert_close(output.loss, exact, rtol=1e-14, atol=0)
    for found, expected in zip(gradients.values(), slopes, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-15)


@each_model
@pytest.mark.parametrize("mode", ["training", "evaluation"])
def test_no_tensor_has_the_size_of_the_logits(make: Callable[[], Any], mode: str) -> None:
    model = make().train(mode == "training")
    large = []
    for patch in (ct.patch_causal_lm, ct.unpatch):
        patch(model)
        with Sizes(ROWS * (TOKENS - 1) * CLASSES) as sizes:
            loss = model(**batch()).loss
            if mode == "training":
                loss.backward()
        large.append(sizes.large)
    assert large[0] == 0 < large[1]


@each_model
def test_logits_are_there_on_request(make: Callable[[], Any]) -> None:
    model = make()
    with torch.no_grad():
        plain = model(**batch()).logits
        without_labels = ct.patch_causal_lm(model)(batch()["input_ids"]).logits
        logits = model(**batch()).logits
    assert type(without_labels) is Tensor and type(logits.compute()) is Tensor
    assert repr(logits) == f"<logits of shape {(ROWS, TOKENS, CLASSES)}, not made>"
    assert (logits.shape, logits.device, logits.dtype) == (plain.shape, plain.device, plain.dtype)
    for found, expected in (
        (without_labels, plain),
        (logits.compute(), plain),
        (logits.detach().float(), plain),
        (logits[:, -1], plain[:, -1]),
        (torch.softmax(logits, -1), torch.softmax(plain, -1)),
        (torch.stack([logits, logits]), torch.stack([plain, plain])),
        (torch.tanh(logits), torch.tanh(plain)),
        (2.0 * logits / 3.0, 2.0 * plain / 3.0),
    ):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(logits.argmax(-1), plain.argmax(-1))


def test_logits_on_request_are_differentiable() -> None:
    model = ct.patch_causal_lm(_model("Llama"))
    model(**batch()).logits.logsumexp(-1).sum().backward()
    found = model.lm_head.weight.grad.clone()
    ct.unpatch(model).zero_grad()
    model(**batch()).logits.logsumexp(-1).sum().backward()
    torch.testing.assert_close(found, model.lm_head.weight.grad)


@each_model
def test_generation_is_as_before(make: Callable[[], Any]) -> None:
    model, tokens = make().eval(), batch()["input_ids"][:, :5]
    options = {"max_new_tokens": 4, "do_sample": False, "attention_mask": torch.ones_like(tokens)}
    plain = model.generate(tokens, **options)
    assert torch.equal(ct.patch_causal_lm(model).generate(tokens, **options), plain)


@each_model
def test_it_is_undone(make: Callable[[], Any]) -> None:
    model = make()
    hooks, before = _hooks(model), {name: value for name, value in vars(model).items() if "hooks" not in name}
    plain = trained(model)
    ct.unpatch(ct.patch_causal_lm(ct.patch_causal_lm(model)))  # patching twice is patching once
    again = trained(model)
    assert type(again[0].logits) is Tensor
    assert torch.equal(again[0].loss, plain[0].loss)
    assert _hooks(model) == hooks == [0, 0, 0]
    assert {name: value for name, value in vars(model).items() if "hooks" not in name} == before
    assert ct.unpatch(model) is model


def _hooks(model: Any) -> list[int]:
    head = model.get_output_embeddings()
    return [len(hooks) for hooks in (model._forward_pre_hooks, model._forward_hooks, head._forward_pre_hooks)]


def test_a_loss_function_that_was_assigned_comes_back() -> None:
    model = _model("Llama")
    model.loss_function = assigned = model.loss_function
    ct.unpatch(ct.patch_causal_lm(model))
    assert vars(model)["_loss_function"] is assigned


def test_parameters_and_states_stay_what_they_are() -> None:
    model = _model("Llama", tie_word_embeddings=True)
    parameters, keys = dict(model.named_parameters()), list(model.state_dict())
    ct.patch_causal_lm(model)
    assert dict(model.named_parameters()).keys() == parameters.keys()
    assert all(parameters[name] is parameter for name, parameter in model.named_parameters())
    assert list(model.state_dict()) == keys
    assert model.lm_head.weight is model.model.embed_tokens.weight


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "pickle"]
)
def test_a_copy_is_patched_by_itself(copied: Callable[[Any], Any]) -> None:
    model = ct.patch_causal_lm(_model("Llama"))
    other = copied(model)
    with torch.no_grad():
        other.lm_head.weight.mul_(2)
    plain = trained(ct.unpatch(other))
    assert isinstance(model(**batch()).logits, Logits)
    assert_alike(trained(ct.patch_causal_lm(other)), plain)


def test_shifted_labels_positional_arguments_and_tuples() -> None:
    model, given = _model("Llama"), batch()
    shifted = torch.nn.functional.pad(given["labels"], (0, 1), value=-100)[:, 1:]
    plain = model(**given).loss
    ct.patch_causal_lm(model)
    for output in (
        model(**given, shift_labels=shifted),
        model(given["input_ids"], given["attention_mask"], None, None, None, given["labels"]),
    ):
        torch.testing.assert_close(output.loss, plain, rtol=1e-6, atol=0)
        assert isinstance(output.logits, Logits)
    loss, logits, *_ = model(**given, return_dict=False)
    torch.testing.assert_close(loss, plain, rtol=1e-6, atol=0)
    assert logits[0].shape == (TOKENS, CLASSES)


def test_promise_17_of_ignored_labels_the_loss_is_nan() -> None:
    given = batch()
    for patch in (ct.unpatch, ct.patch_causal_lm):
        assert patch(_model("Llama"))(given["input_ids"], labels=torch.full((ROWS, TOKENS), -100)).loss.isnan()


def test_in_bfloat16_the_loss_is_float32() -> None:
    model = _model("Llama").bfloat16()
    plain = trained(model)
    found = trained(ct.patch_causal_lm(model))
    assert found[0].loss.dtype == plain[0].loss.dtype == torch.float32
    torch.testing.assert_close(found[0].loss, plain[0].loss, rtol=1e-4, atol=0)  # of logits with 8 bits


@pytest.mark.filterwarnings("ignore:`gradient_checkpointing_enable` is deprecated:FutureWarning")
def test_under_autocast_and_with_checkpoints_it_learns_the_same() -> None:
    model = _model("Llama")
    model.gradient_checkpointing_enable()
    results = []
    for patch in (ct.unpatch, ct.patch_causal_lm):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output, gradients = trained(patch(model), use_cache=False)
        results.append((output.loss, gradients["lm_head.weight"]))
    (plain, slope), (loss, gradient) = results
    assert loss.dtype == plain.dtype == torch.float32
    torch.testing.assert_close(loss, plain, rtol=1e-4, atol=0)
    torch.testing.assert_close(gradient, slope, rtol=0, atol=0.02 * slope.abs().max().item())


def test_the_loss_function_of_a_tensor_is_the_models_own() -> None:
    model, given = _model("Llama"), batch()
    logits = model(given["input_ids"]).logits
    plain = model.loss_function(logits, given["labels"], CLASSES, num_items_in_batch=3)
    found = ct.patch_causal_lm(model).loss_function(logits, given["labels"], CLASSES, num_items_in_batch=3)
    assert torch.equal(found, plain)


def test_an_output_layer_that_was_replaced_is_noticed() -> None:
    model = ct.patch_causal_lm(_model("Llama"))
    model.resize_token_embeddings(CLASSES + 8)
    assert model(batch()["input_ids"]).logits.shape[-1] == CLASSES + 8
    with pytest.raises(RuntimeError) as caught:
        model(**batch())
    assert str(caught.value) == (
        "model: expected logits of the output layer that was patched, got logits of another, as resizing the "
        "vocabulary makes one; call unpatch(model) and patch_causal_lm(model) again"
    )
    plain = trained(ct.unpatch(model))
    assert_alike(trained(ct.patch_causal_lm(model)), plain)


def test_an_error_in_the_forward_pass_leaves_the_head_as_it_was() -> None:
    model = ct.patch_causal_lm(_model("Llama"))
    with pytest.raises(IndexError, match="targets: expected class indices"):
        model(batch()["input_ids"], labels=torch.full((ROWS, TOKENS), CLASSES))
    assert type(model.lm_head(torch.zeros(1, 32))) is Tensor


class Bare(torch.nn.Module):
    """As little as a causal language model can be; ``through`` is what it does to its logits before the loss."""

    def __init__(self, through: Callable[[Any], Any], *, layer: Any = None) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 3) if layer is None else layer
        self.through = through
        self._loss_function = ForCausalLMLoss

    @property
    def loss_function(self) -> Any:
        return self._loss_function

    @loss_function.setter
    def loss_function(self, function: Any) -> None:
        self._loss_function = function

    def get_output_embeddings(self) -> Any:
        return self.layer

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Any]:
        logits = self.through(self.layer(x))
        return {"loss": self.loss_function(logits, labels, 3), "logits": logits}


def ForCausalLMLoss(logits: Tensor, labels: Tensor, vocab_size: int, **options: Any) -> Tensor:  # noqa: N802
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


@pytest.mark.parametrize(
    "through",
    [
        lambda z: z.float().contiguous(),
        lambda z: 2 * (z * 0.5) / 3,
        lambda z: 5.0 * torch.tanh(z / 2.0),
        lambda z: torch.tanh(z),
    ],
)
def test_factors_and_a_softcap_go_with_the_head(through: Callable[[Any], Any]) -> None:
    model, x, labels = Bare(through), torch.randn(2, 5, 4), torch.randint(0, 3, (2, 5))
    plain = model(x, labels)
    found = ct.patch_causal_lm(model)(x, labels)
    torch.testing.assert_close(found["loss"], plain["loss"], rtol=1e-6, atol=0)
    torch.testing.assert_close(found["logits"].compute(), plain["logits"], rtol=1e-6, atol=1e-7)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")  # Dynamo's
def test_compiled_it_learns_the_same() -> None:
    model = ct.patch_causal_lm(Bare(lambda z: 0.5 * z))
    x, labels, results = torch.randn(2, 5, 4), torch.randint(0, 3, (2, 5)), []
    torch._dynamo.reset()
    for function in (model, torch.compile(model, backend="aot_eager")):
        output = function(x, labels=labels)
        assert isinstance(output["logits"], Logits)
        results.append((output["loss"], *torch.autograd.grad(output["loss"], list(model.parameters()))))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("through", "what"),
    [
        (lambda z: z.view(-1, 3), "view"),
        (lambda z: z[..., :2], "an index"),
        (lambda z: torch.relu(z), "relu"),
        (lambda z: torch.tanh(torch.tanh(z)), "tanh"),
        (lambda z: z * torch.ones(3), "a factor tensor([1., 1., 1.])"),
        (lambda z: z / -1.0, "a divisor -1.0"),
    ],
)
def test_what_the_head_cannot_do_is_refused(through: Callable[[Any], Any], what: str) -> None:
    model = ct.patch_causal_lm(Bare(through))
    with pytest.raises(NotImplementedError) as caught:
        model(torch.zeros(2, 5, 4), labels=torch.zeros(2, 5).long())
    assert str(caught.value) == (
        "model: expected one that hands its logits to its loss_function, but for a positive factor and a softcap, "
        f"got one that applies {what} to them; undo the patch with unpatch(model), or call it without labels"
    )


class Norm(torch.nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.sigmoid(x))


@pytest.mark.parametrize(
    ("model", "received"),
    [
        (lambda: _model("Llama").model, "LlamaModel with NoneType and ForCausalLMLoss"),
        (lambda: torch.nn.Linear(2, 3), "Linear with NoneType and None"),
        (lambda: Bare(lambda z: z, layer=Norm(4, 3)), "Bare with Norm and ForCausalLMLoss"),
        (lambda: transformers.BertForMaskedLM(transformers.BertConfig(**SIZES)),
         "BertForMaskedLM with Linear and ForMaskedLMLoss"),
    ],
)  # fmt: skip
def test_other_models_are_refused(model: Callable[[], Any], received: str) -> None:
    assert raised(lambda: ct.patch_causal_lm(model())) == (
        "TypeError: model: expected a causal language model of transformers, with a torch.nn.Linear as output layer "
        f"and the loss ForCausalLMLoss, got {received}; pass such a model before its output layer is wrapped, or call "
        "linear_softmax_cross_entropy(hidden, weight, labels, shift=1) yourself"
    )


def test_the_library_does_not_import_transformers() -> None:
    code = "import sys, crossentropy.torch; print('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
