// One of several processes: computes on its rows of IN.safetensors and writes OUT.RANK.safetensors.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/processes/batch_norm.h"
#include "neurosplat/processes/batch_share.h"
#include "neurosplat/processes/process_group.h"

namespace {

using namespace neurosplat;

processes::BatchNorm2d layer_of(const TensorFile& in) {
  const at::NoGradGuard no_gradient;
  processes::BatchNorm2d layer(in.tensors.at("weight").size(0));
  layer->weight.copy_(in.tensors.at("weight"));
  layer->bias.copy_(in.tensors.at("bias"));
  return layer;
}

/// The gradient of sum(result * pull), pull given for all rows.
void normalise(const TensorFile& in, TensorFile& out) {
  const auto maps = processes::own_rows(in.tensors.at("maps")).requires_grad_();
  auto layer = layer_of(in);
  const auto result = layer->forward(maps);
  (result * processes::own_rows(in.tensors.at("pull"))).sum().backward();
  out.tensors["result"] = result.detach();
  out.tensors["maps.grad"] = maps.grad();
  out.tensors["weight.grad"] = layer->weight.grad();
  out.tensors["mean"] = layer->running_mean;
  out.tensors["variance"] = layer->running_var;
  layer->eval();
  out.tensors["tested"] = layer->forward(processes::own_rows(in.tensors.at("maps"))).detach();
}

/// As networks in bf16 have it: their maps in bf16, channels last, weights and statistics in
/// float32.
void normalise_bf16(const TensorFile& in, TensorFile& out) {
  const auto maps = processes::own_rows(in.tensors.at("maps"))
                        .to(at::kBFloat16)
                        .contiguous(at::MemoryFormat::ChannelsLast)
                        .requires_grad_();
  auto layer = layer_of(in);
  const auto result = layer->forward(maps);
  (result * processes::own_rows(in.tensors.at("pull"))).sum().backward();
  out.tensors["bf16.result"] = result.detach().contiguous();
  out.tensors["bf16.grad"] = maps.grad().contiguous();
  out.tensors["bf16.mean"] = layer->running_mean;
}

/// A loss of each process that depends on all: cos(a mean of all rows) times its own rows, and
/// their likeness to every row.
void couple(const TensorFile& in, TensorFile& out) {
  const auto rows = processes::own_rows(in.tensors.at("rows")).requires_grad_();
  const auto middle = processes::mean(rows.mean(0));
  const auto all = processes::all_rows(rows);
  const auto loss = (middle.cos() * rows).mean() + at::mm(rows, all.t()).sin().mean();
  loss.backward();
  out.tensors["loss"] = loss.detach().view({1});
  out.tensors["rows.grad"] = rows.grad();
}

void add_up(const TensorFile& in, TensorFile& out) {
  const auto own = static_cast<double>(processes::place().rank + 1);
  std::vector<at::Tensor> tensors = {in.tensors.at("rows") * own, in.tensors.at("weight") * own,
                                     at::full({}, own)};
  // More than one bucket, and one that is not contiguous.
  tensors.push_back(at::full({3, 700000}, own).t());
  processes::average(tensors);
  out.tensors["rows"] = tensors[0].contiguous();
  out.tensors["weight"] = tensors[1];
  out.tensors["number"] = tensors[2].view({1});
  out.tensors["many"] = tensors[3].slice(0, 0, tensors[3].size(0), 9973).contiguous();
  out.tensors["largest"] = processes::largest(at::tensor({own, -own}));
  out.tensors["bytes"] = at::full({1}, processes::traffic().bytes, at::kLong);
  out.metadata["told"] = processes::from_first(processes::first() ? "of the first" : "of another") +
                         "; " + processes::from_first(processes::first() ? "again" : "not this");
}

void draw(TensorFile& out) {
  const auto generator = at::detail::createCPUGenerator(7);
  out.tensors["normal"] = processes::normal_rows({3, 4}, generator);
  out.tensors["uniform"] = processes::uniform_rows({5, 3}, generator, 1);
  out.tensors["after"] = at::randn({2}, generator, at::kFloat);
}

}  // namespace

int main(int, char** arguments) {
  try {
    const processes::Membership membership(processes::place_in_environment(),
                                           std::chrono::seconds(20), std::chrono::seconds(20));
    if (std::string(arguments[1]) == "leave" && !processes::first()) return 0;
    const auto in =
        read_safetensors(std::string(arguments[1]) == "leave" ? arguments[2] : arguments[1]);
    TensorFile out;
    add_up(in, out);
    normalise(in, out);
    normalise_bf16(in, out);
    couple(in, out);
    draw(out);
    write_safetensors(std::string(arguments[2]) + "." + std::to_string(processes::place().rank),
                      out);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
