// torch.classes.neurosplat.SplatVae and Lock: a stored model and what follows frames with it.
#include <ATen/ATen.h>
#include <torch/custom_class.h>
#include <torch/library.h>

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "neurosplat/core/text.h"
#include "neurosplat/systems/lock/lock_solver.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "operators/dispatch.h"

namespace neurosplat::operators {
namespace {

/// A model as it is in its file, its weights frozen; gradients reach what is given to it.
struct Model : torch::CustomClassHolder {
  explicit Model(const std::string& path)
      : stored(refusing([&] { return load_described_splat_vae(path); })) {
    for (auto& weight : stored.model.parameters()) weight.requires_grad_(false);
  }

  std::tuple<at::Tensor, at::Tensor> encode(const at::Tensor& pictures) const {
    return refusing([&] {
      expect_floats("pictures", pictures);
      const auto posterior = stored.model.encode(pictures);
      return std::make_tuple(posterior.mean, posterior.log_variance);
    });
  }
  at::Tensor decode(const at::Tensor& latents) const {
    return refusing([&] {
      expect_floats("latents", latents);
      return stored.model.decode(latents);
    });
  }

  c10::Dict<std::string, std::int64_t> sizes() const {
    const auto& architecture = stored.model.architecture();
    c10::Dict<std::string, std::int64_t> all;
    all.insert("image_size", architecture.image_size);
    all.insert("packets", architecture.packets);
    all.insert("latent", architecture.latent);
    return all;
  }
  c10::Dict<std::string, at::Tensor> state() const {
    c10::Dict<std::string, at::Tensor> all;
    for (const auto& [name, tensor] : stored.model.state()) all.insert(name, tensor);
    return all;
  }
  c10::Dict<std::string, std::string> metadata() const {
    c10::Dict<std::string, std::string> all;
    for (const auto& [key, value] : stored.metadata) all.insert(key, value);
    return all;
  }
  std::string file() const { return stored.file.string(); }
  void to(const std::string& device) const {
    refusing([&] { stored.model.to(at::Device(device)); });
  }

  DescribedSplatVae stored;

 private:
  void expect_floats(const char* name, const at::Tensor& given) const {
    const auto device = stored.model.device();
    if (given.scalar_type() == at::kFloat && given.device() == device) return;
    throw UsageError(text(name, ": expected float32 on the model's device ", device, ", got ",
                          given.scalar_type(), " on ", given.device()));
  }
};

Geometry geometry_from_name(const std::string& name) {
  if (name == "picture") return Geometry::picture;
  if (name == "anchors") return Geometry::anchors;
  if (name == "decoder") return Geometry::decoder;
  throw UsageError(text("geometry: expected picture, anchors or decoder, got '", name, "'"));
}

/// The settings that are named, the defaults elsewhere.
LockSolverSettings settings_of(const std::string& solver, const std::string& geometry,
                               const c10::Dict<std::string, double>& numbers) {
  LockSolverSettings settings{.solver = solver, .geometry = geometry_from_name(geometry)};
  const std::map<std::string, double*> reals = {{"learning_rate", &settings.learning_rate},
                                                {"ridge", &settings.ridge},
                                                {"threshold", &settings.threshold},
                                                {"narrowest", &settings.narrowest},
                                                {"observation_noise", &settings.observation_noise},
                                                {"drift", &settings.drift}};
  const std::map<std::string, std::int64_t*> counts = {{"steps", &settings.steps},
                                                       {"inner_steps", &settings.inner_steps},
                                                       {"samples", &settings.samples}};
  for (const auto& item : numbers) {
    const auto& name = item.key();
    if (const auto real = reals.find(name); real != reals.end()) {
      *real->second = item.value();
    } else if (const auto count = counts.find(name); count != counts.end()) {
      *count->second = static_cast<std::int64_t>(item.value());
    } else if (name == "adapt") {
      settings.adapt = item.value() != 0;
    } else if (name == "seed") {
      settings.noise_seed = static_cast<std::uint64_t>(item.value());
    } else {
      throw UsageError(text("lock: unknown setting '", name, "'"));
    }
  }
  return settings;
}

struct Lock : torch::CustomClassHolder {
  Lock(const c10::intrusive_ptr<Model>& model, const std::string& solver,
       const std::string& geometry, const c10::Dict<std::string, double>& numbers)
      : size_(model->stored.model.architecture().image_size), solver_(refusing([&] {
          return make_lock_solver(model->stored.model, settings_of(solver, geometry, numbers));
        })) {}

  std::tuple<at::Tensor, at::Tensor, at::Tensor, double, std::int64_t> follow(
      const at::Tensor& frame, double budget_ms) {
    return refusing([&] {
      check(frame);
      if (!(budget_ms > 0)) {
        throw UsageError(text("budget_ms: expected milliseconds above 0, got ", budget_ms));
      }
      const WithAutograd within;  // the descents take gradients
      const at::NoGradGuard no_gradient;
      const auto view = solver_->follow(frame.detach().contiguous(), budget_ms);
      return std::make_tuple(view.prior, view.locked, view.packets, view.psnr_db, view.steps);
    });
  }
  void reset() { solver_->reset(); }
  void expect(const std::optional<at::Tensor>& latent) {
    solver_->expect(latent.value_or(at::Tensor()));
  }

 private:
  void check(const at::Tensor& frame) const {
    if (frame.dim() != 3 || frame.size(0) != 3 || frame.size(1) != size_ ||
        frame.size(2) != size_ || frame.scalar_type() != at::kFloat || !frame.is_cpu()) {
      throw UsageError(text("frame: expected [3, ", size_, ", ", size_,
                            "] float32 on the CPU, the model's size, got ", frame.sizes(), " ",
                            frame.scalar_type(), " on ", frame.device()));
    }
    const auto [least, most] = frame.aminmax();
    // NaN fails both.
    if (least.item<float>() >= 0 && most.item<float>() <= 1) return;
    throw UsageError(text("frame: expected colours in [0, 1], got ", least.item<float>(), " to ",
                          most.item<float>(), ": divide bytes by 255"));
  }

  std::int64_t size_;
  std::unique_ptr<LockSolver> solver_;
};

}  // namespace

TORCH_LIBRARY_FRAGMENT(neurosplat, library) {
  library.class_<Model>("SplatVae")
      .def(torch::init<std::string>())
      .def("encode", &Model::encode)
      .def("decode", &Model::decode)
      .def("sizes", &Model::sizes)
      .def("state", &Model::state)
      .def("metadata", &Model::metadata)
      .def("file", &Model::file)
      .def("to", &Model::to);
  library.class_<Lock>("Lock")
      .def(torch::init<c10::intrusive_ptr<Model>, std::string, std::string,
                       c10::Dict<std::string, double>>())
      .def("follow", &Lock::follow)
      .def("reset", &Lock::reset)
      .def("expect", &Lock::expect);
}

}  // namespace neurosplat::operators
