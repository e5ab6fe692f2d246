"""Training the splat predictor in PyTorch, in double precision, after the notes' formulas: the
other side of the test.

usage: reference_splat_predictor.py FOLDER IMAGE_SIZE PACKETS LATENT SEED LEARNING_RATE BETA WARMUP
Reads FOLDER/start.safetensors (the weights as model.*, now and next [E, B, 3, S, S], one batch an
epoch), writes FOLDER/expected.safetensors (terms [E, 5]: rec, pred, lin, kl, persistence before
each step, and the operator after the last).
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import mse_loss

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "splat_vae"))
from reference_splat_vae import SplatVAE  # noqa: E402


def main():
    folder, size, packets, latent, seed = sys.argv[1], *map(int, sys.argv[2:6])
    rate, beta, warmup = map(float, sys.argv[6:9])
    torch.set_num_threads(1)
    start = load_file(f"{folder}/start.safetensors")
    model = SplatVAE(size, packets, latent)
    weights = {k[len("model."):]: v for k, v in start.items() if k.startswith("model.")}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected and all(name.startswith("ren.") for name in missing), missing
    model.double().train()
    operator = torch.nn.Linear(latent, latent, bias=False).double()
    operator.weight.data = torch.eye(latent, dtype=torch.float64)
    parameters = [*model.parameters(), *operator.parameters()]
    adam = torch.optim.Adam(parameters, lr=rate)
    noise = torch.Generator().manual_seed(seed + 1)
    terms = []
    for epoch, (now, after) in enumerate(zip(start["now"].double(), start["next"].double())):
        mean, log_variance = model.enc(now)
        with torch.no_grad():
            mean_after, _ = model.enc(after)
        z = mean + torch.randn(mean.shape, generator=noise).double() * torch.exp(log_variance / 2)
        rec = mse_loss(model.ren(model.dec(z)), now)
        pred = mse_loss(model.ren(model.dec(operator(z))), after)
        lin = mse_loss(operator(mean), mean_after)
        kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()
        ramp = beta * min(1.0, (epoch + 1) / warmup)
        adam.zero_grad()
        (rec + 2 * pred + 0.5 * lin + ramp * kl).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        adam.step()
        terms.append([rec.item(), pred.item(), lin.item(), kl.item(), mse_loss(now, after).item()])
    save_file({"terms": torch.tensor(terms, dtype=torch.float64),
               "operator": operator.weight.data.contiguous()}, f"{folder}/expected.safetensors")


if __name__ == "__main__":
    main()
