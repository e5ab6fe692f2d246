"""What torch.compile needs of the operators: opcheck, and compiled programs that give what eager ones give."""

import unittest

import torch

import neurosplat
from dense_sum import random_raw


class OpCheck(unittest.TestCase):
    def test_every_operator(self):
        raw = random_raw(2, 6)
        picture, linear = neurosplat.render(raw, 9, 8), {"output": "linear"}
        splats = neurosplat.activate_patches(torch.randn(2, 2, 3, 4, 9), depth_gain=0.125)
        ops = torch.ops.neurosplat
        cases = (
            (ops.render, (raw.clone().requires_grad_(), 9, 8), {}),
            (ops.render, (raw.clone().requires_grad_(), 9, 8), linear),
            (ops.render, (raw.double().requires_grad_(), 9, 8), {"renderer": "dense"}),
            (ops.render_backward, (picture, raw, picture), {}),
            (ops.render_backward, (picture, raw, None), linear),
            (ops.activate, (raw.clone().requires_grad_(),), {}),
            (ops.render_patches, (splats.clone().requires_grad_(), 4), {"sharing": "3x3"}),
            (ops.activate_patches, (splats.clone().requires_grad_(),), {}),
        )
        for operator, arguments, named in cases:
            with self.subTest(operator=str(operator), named=named):
                results = torch.library.opcheck(operator.default, arguments, named)
                self.assertEqual(set(results.values()), {"SUCCESS"}, results)

    def test_shapes_without_numbers(self):
        raw = torch.empty(2, 5, 11, device="meta")
        self.assertEqual(tuple(neurosplat.render(raw, 6, 7).shape), (2, 3, 6, 7))
        with self.assertRaisesRegex(ValueError, r"packets: expected .* got \[2, 5, 10\]"):
            neurosplat.render(raw[:, :, :10], 6, 7)


class Compiled(unittest.TestCase):
    def test_a_step_of_training_is_traced_whole(self):
        def loss_of(raw, target):
            return (neurosplat.render(2 * raw, 24, 24) - target).square().mean()

        target = torch.full((2, 3, 24, 24), 0.25)
        compiled = torch.compile(loss_of, fullgraph=True)
        for batch in (2, 5):  # the second has the shapes traced as symbols
            raw = random_raw(batch, 20).requires_grad_()
            again = raw.detach().clone().requires_grad_()
            loss_of(raw, target[:1]).backward()
            compiled(again, target[:1]).backward()
            self.assertLess((raw.grad - again.grad).abs().max().item(), 1e-6 * raw.grad.abs().max().item())

    def test_dynamic_sizes(self):
        compiled = torch.compile(
            lambda raw, size: neurosplat.render(raw, size, size + 1), fullgraph=True, dynamic=True, backend="aot_eager"
        )
        for batch, count, size in ((2, 8, 16), (3, 9, 21)):
            raw = random_raw(batch, count)
            self.assertTrue(torch.equal(compiled(raw, size), neurosplat.render(raw, size, size + 1)))


if __name__ == "__main__":
    unittest.main()
