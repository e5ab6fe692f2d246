"""A stored model and the lock from Python."""

import os
import pathlib
import tempfile
import unittest

import torch

import neurosplat

MODEL = pathlib.Path(__file__).resolve().parents[2] / "models" / "flowers-128.safetensors"


def psnr_db(picture, of):
    return -10 * torch.log10((picture - of).square().mean()).item()


def scene(size):
    """A picture [3, size, size] in [0, 1] of a bar and gradients."""
    v, u = torch.meshgrid(torch.linspace(0, 1, size), torch.linspace(0, 1, size), indexing="ij")
    bar = ((u - v).abs() < 0.15).float()
    return torch.stack([0.2 + 0.6 * bar, 0.2 + 0.5 * u, 0.7 - 0.4 * v])


@unittest.skipUnless(MODEL.is_file(), f"no {MODEL.name} in models/")
class Model(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = neurosplat.load_model(MODEL)

    def test_shapes_and_sizes(self):
        model = self.model
        self.assertEqual((model.image_size, model.packets, model.latent), (128, 512, 128))
        pictures = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
        latents = model.encode(pictures)
        self.assertEqual(tuple(latents.shape), (2, 128))
        self.assertEqual(tuple(model.decode(latents).shape), (2, 512, 11))
        self.assertEqual(tuple(model.draw(latents, 40).shape), (2, 3, 40, 40))
        self.assertEqual(len(list(model.parameters())), 0)
        self.assertIn("num_packets", model.metadata())

    def test_weights_are_those_of_the_file(self):
        from safetensors.torch import load_file

        stored = load_file(MODEL)
        weights = self.model.weights()
        self.assertGreater(len(weights), 10)
        for name, tensor in weights.items():
            self.assertTrue(torch.equal(tensor.float(), stored[name].float()), name)

    def test_gradients_reach_the_latent(self):
        """Against a difference along a random direction."""
        latents = self.model.encode(scene(128)[None]).requires_grad_()
        target = scene(128)[None]
        loss = lambda latent: (self.model.draw(latent) - target).square().mean()  # noqa: E731
        (gradient,) = torch.autograd.grad(loss(latents), latents)
        direction = torch.nn.functional.normalize(torch.randn(1, 128, generator=torch.Generator().manual_seed(2)))
        with torch.no_grad():
            step = 0.05
            slope = (loss(latents + step * direction) - loss(latents - step * direction)).item() / (2 * step)
        self.assertAlmostEqual(slope / (gradient * direction).sum().item(), 1, delta=0.05)

    def test_lock_nears_the_frame(self):
        frame = scene(128)
        lock = neurosplat.Lock(self.model)
        view = lock.follow(frame, budget_ms=2000)
        self.assertAlmostEqual(view.psnr_db, psnr_db(view.locked, frame), delta=0.01)
        self.assertGreater(view.psnr_db, psnr_db(view.prior, frame) + 3)
        self.assertTrue(torch.allclose(view.prior, self.model(frame[None])[0], atol=1e-5))
        drawn = neurosplat.render(view.packets[None], 128, 128, form="activated")[0]
        self.assertLess((drawn - view.locked).abs().max().item(), 1e-4)

    def test_every_solver_follows(self):
        """With all the time that two steps need, however busy the machine is."""
        frame = scene(128)
        for solver in ("closed-form", "adam", "latent", "iterative"):
            with self.subTest(solver=solver):
                lock = neurosplat.Lock(self.model, solver, steps=2, inner_steps=2, learning_rate=0.05, adapt=False)
                view = lock.follow(frame, budget_ms=60000)
                self.assertAlmostEqual(view.psnr_db, psnr_db(view.locked, frame), delta=0.01)
                self.assertGreater((view.locked - view.prior).abs().max().item(), 0.01)
                self.assertGreater(view.steps, 0)

    def test_what_is_expected_can_be_said(self):
        lock = neurosplat.Lock(self.model)
        latent = torch.randn(128, generator=torch.Generator().manual_seed(1))
        lock.expect(latent)
        prior = lock.follow(scene(128), 50).prior
        self.assertLess((prior - self.model.draw(latent[None])[0]).abs().max().item(), 1e-5)
        lock.expect(None)
        lock.reset()
        self.assertGreater((lock.follow(scene(128), 50).prior - prior).abs().max().item(), 0.01)

    def test_wrong_arguments_are_named(self):
        lock, frame = neurosplat.Lock(self.model), scene(128)
        cases = (
            (lambda: self.model.encode(frame), r"pictures: expected \[B, 3, 128, 128\], got \[3, 128, 128\]"),
            (lambda: self.model.encode(frame[None].double()), "pictures: expected float32"),
            (lambda: self.model.decode(torch.zeros(1, 127)), r"latents: expected \[B, 128\], got \[1, 127\]"),
            (lambda: lock.follow(frame[:, :64], 33), r"frame: expected \[3, 128, 128\] float32 .* got \[3, 64, 128\]"),
            (lambda: lock.follow(frame.double(), 33), r"frame: expected \[3, 128, 128\] float32"),
            (lambda: lock.follow(255 * frame, 33), r"frame: expected colours in \[0, 1\], got .*: divide bytes by 255"),
            (lambda: lock.follow(frame * float("nan"), 33), r"frame: expected colours in \[0, 1\]"),
            (lambda: lock.follow(frame, 0), "budget_ms: expected milliseconds above 0, got 0"),
            (lambda: neurosplat.Lock(self.model, "newton"), "solver: expected closed-form, adam, latent or iterative"),
            (lambda: neurosplat.Lock(self.model, geometry="moon"), "geometry: expected picture, anchors or decoder"),
            (lambda: neurosplat.Lock(self.model, rigde=1), "unknown setting 'rigde'"),
            (lambda: neurosplat.Lock(self.model, ridge=-1), "ridge: expected a number above 0, got -1"),
        )
        for call, message in cases:
            with self.subTest(message=message):
                with self.assertRaisesRegex((ValueError, RuntimeError), message) as caught:
                    call()
                self.assertEqual(str(caught.exception).count("\n"), 0, str(caught.exception))


class Files(unittest.TestCase):
    def test_what_is_no_model_is_said_in_a_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "noise.safetensors")
            with open(path, "wb") as file:
                file.write(b"\x08" + bytes(30))
            for given in (path, os.path.join(folder, "absent.safetensors"), folder):
                with self.subTest(path=given), self.assertRaisesRegex((ValueError, RuntimeError), "expected") as caught:
                    neurosplat.load_model(given)
                self.assertEqual(str(caught.exception).count("\n"), 0, str(caught.exception))


if __name__ == "__main__":
    unittest.main()
