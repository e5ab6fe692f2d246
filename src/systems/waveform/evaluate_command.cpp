#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/core/words.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/program/shipped_file.h"
#include "neurosplat/systems/waveform/commands.h"
#include "neurosplat/systems/waveform/model_file.h"
#include "neurosplat/systems/waveform/response_data.h"
#include "neurosplat/training/linear_code.h"
#include "neurosplat/training/stored_model.h"
#include "systems/waveform/waveform_scores.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

const std::string kFigure = "waveform";
constexpr std::int64_t kShown = 12;

struct Options {
  ExperimentOptions common;
  fs::path model, data;
  std::int64_t count = 1000, shuffles = 1000, seed = 0, workers = 2;
  double noise = -1;
  bool accept_changed_data = false;
};

void check(const Options& options) {
  if (options.count < 2 || options.count > 100000) {
    throw UsageError(text("count: expected 2 to 100000 responses, got ", options.count));
  }
  if (options.shuffles < 1 || options.shuffles > 1000000) {
    throw UsageError(text("shuffles: expected 1 to 1000000, got ", options.shuffles));
  }
  if (options.seed < 0) throw UsageError("seed: expected at least 0");
  check_outputs(options.common, kFigure, {{"model", options.model}, {"data", options.data}});
}

/// The data that the model was trained beside, as its file says.
ResponseRequest request_of(const Options& options, const StoredWaveformAutoencoder& stored) {
  const auto& metadata = stored.metadata;
  const auto& sizes = stored.model.architecture();
  ResponseRequest request;
  request.recording = described(metadata, "recording");
  request.session = described(metadata, "session");
  request.pairing = described(metadata, "pairing");
  request.images.dataset = described(metadata, "dataset");
  request.images.splits = words_of(described(metadata, "splits"));
  request.images.data = options.data;
  request.images.workers = options.workers;
  read_number(metadata, "split_seed", request.images.split_seed);
  read_number(metadata, "repeats", request.repeats);
  read_number(metadata, "most_pictures", request.most_pictures);
  read_number(metadata, "fold", request.fold);
  request.seed = static_cast<std::uint64_t>(request.images.split_seed);
  request.side = sizes.image_size;
  request.electrodes = sizes.electrodes;
  return request;
}

ResponseData data_of(const Options& options, const StoredWaveformAutoencoder& stored) {
  auto data = open_responses(request_of(options, stored));
  log::info(data.description);
  if (data.hash != described(stored.metadata, "data_hash")) {
    const std::string what = "the data are not those that the model was trained beside";
    if (!options.accept_changed_data) {
      throw Error(text(what, ": expected hash ", stored.metadata.at("data_hash"), ", got ",
                       data.hash, ": name its folder, or pass --accept-changed-data"));
    }
    log::warn(text(what, ": some may have been trained on"));
  }
  if (data.test.frame.numel() < 2) throw Error("data: expected responses to test on, found none");
  return data;
}

/// Pictures of one way of drawing, and the latents that they were drawn from.
struct Row {
  std::string loop;
  at::Tensor drawn, latents;
};

struct Measured {
  at::Tensor pictures, latents, number;
  PictureScores mean_image;
};

nlohmann::ordered_json scores_of(const Row& row, const Measured& measured, const Options& options) {
  const auto seed = static_cast<std::uint64_t>(options.seed);
  const auto found = score_pictures(row.drawn, measured.pictures);
  const auto shuffled =
      score_pictures(other_pictures_rows(row.drawn, measured.number, seed), measured.pictures);
  return {{"loop", row.loop},
          {"psnr_mean_db", found.psnr_db},
          {"ssim_mean", found.ssim},
          {"mse_mean", found.mse},
          {"latent_cosine",
           at::cosine_similarity(row.latents, measured.latents, 1).mean().item<double>()},
          {"retrieval_top1", retrieval_top1(row.latents, measured.latents, measured.number)},
          {"two_way", two_way(row.latents, measured.latents, measured.number)},
          {"mean_image_psnr_mean_db", measured.mean_image.psnr_db},
          {"mean_image_ssim_mean", measured.mean_image.ssim},
          {"shuffled_psnr_mean_db", shuffled.psnr_db},
          {"permutation_p",
           permutation_p(row.drawn, measured.pictures, measured.number, options.shuffles, seed)}};
}

/// The floor of a ceiling: principal components of the training pictures, below their 32 x 32 band,
/// as many as a latent has numbers. Nothing for pictures smaller than that.
std::optional<double> pca_psnr_db(const ResponseData& data, const at::Tensor& trained,
                                  const at::Tensor& pictures, std::int64_t latent) {
  constexpr std::int64_t kPart = 256;
  const auto side = pictures.size(2);
  if (side < LinearCodeImpl::kSide) return std::nullopt;
  LinearCode code(side, latent, 0);
  std::int64_t first = 0;
  code->fit([&]() -> std::optional<at::Tensor> {
    const auto count = std::min(kPart, trained.size(0) - first);
    if (count <= 0) return std::nullopt;
    first += count;
    return data.pictures.index_select(0, trained.narrow(0, first - count, count));
  });
  const auto drawn = code->high(code->decode(code->encode(code->low(pictures)))).clamp(0, 1);
  return score_pictures(drawn, pictures).psnr_db;
}

/// Electrodes below each other, time to the right, the largest magnitude black or white.
at::Tensor picture_of_waveforms(const at::Tensor& waveforms, std::int64_t side) {
  const auto largest = waveforms.abs().amax({1, 2}, true).clamp_min(1e-6);
  const auto grey = (waveforms / largest / 2 + 0.5).unsqueeze(1);
  return at::upsample_nearest2d(grey, {side, side}).expand({-1, 3, -1, -1});
}

at::Tensor figure_of(const std::vector<Row>& rows, const Measured& measured,
                     const at::Tensor& recorded, const at::Tensor& synthetic) {
  const auto few = std::min(kShown, measured.pictures.size(0));
  const auto step = measured.pictures.size(0) / few;
  const auto some = at::arange(few, at::kLong) * step;
  const auto side = measured.pictures.size(2);
  const auto line = [&](const at::Tensor& pictures, const std::string& name) {
    return with_label(picture_grid(pictures.index_select(0, some), few), name);
  };
  std::vector<std::vector<at::Tensor>> sheet = {{line(measured.pictures, "held-out pictures")}};
  for (const auto& row : rows) sheet.push_back({line(row.drawn, row.loop)});
  sheet.push_back({line(picture_of_waveforms(recorded, side), "recorded waveforms")});
  sheet.push_back({line(picture_of_waveforms(synthetic, side), "synthetic waveforms")});
  return sheet_of(sheet);
}

void print(const nlohmann::ordered_json& rows) {
  std::printf("%-10s %8s %8s %8s %8s %8s %8s %10s %10s\n", "loop", "PSNR dB", "SSIM", "cosine",
              "top 1", "two-way", "p", "mean image", "shuffled");
  for (const auto& row : rows) {
    const auto number = [&](const char* key) { return row.at(key).get<double>(); };
    std::printf("%-10s %8.2f %8.3f %8.3f %8.3f %8.3f %8.4f %10.2f %10.2f\n",
                row.at("loop").get<std::string>().c_str(), number("psnr_mean_db"),
                number("ssim_mean"), number("latent_cosine"), number("retrieval_top1"),
                number("two_way"), number("permutation_p"), number("mean_image_psnr_mean_db"),
                number("shuffled_psnr_mean_db"));
  }
}

int evaluate(Options options) {
  if (options.model.empty()) options.model = shipped_file("waveform-flowers.safetensors");
  check(options);
  use_threads(options.common.threads);
  const at::NoGradGuard no_gradient;
  const auto stored = load_waveform_autoencoder(options.model);
  const auto data = data_of(options, stored);
  if (options.noise < 0) read_number(stored.metadata, "waveform_noise", options.noise);
  const auto test = spread_over(data.test, options.count);
  const auto pictures = to_unit_range(data.pictures.index_select(0, test.frame), at::kCPU);
  const auto drawn = draw_responses(stored.model, pictures, test.waveforms, options.noise,
                                    static_cast<std::uint64_t>(options.seed));
  const auto trained = std::get<0>(at::_unique(data.train.frame));
  const auto mean =
      to_unit_range(data.pictures.index_select(0, trained), at::kCPU).mean(0, /*keepdim=*/true);
  const Measured measured{pictures, drawn.latent, test.frame,
                          score_pictures(mean.expand_as(pictures), pictures)};
  const std::vector<Row> loops = {{"ceiling", drawn.direct, drawn.latent},
                                  {"synthetic", drawn.synthetic, drawn.from_synthetic},
                                  {"real", drawn.real, drawn.from_real}};
  MetricsFile file{.experiment = "waveform"};
  file.settings = {{"model", stored.file.filename().string()},
                   {"recording", described(stored.metadata, "recording")},
                   {"responses", test.frame.numel()},
                   {"images", std::get<0>(at::_unique(test.frame)).numel()},
                   {"waveform_noise", options.noise},
                   {"leaky_skips", stored.model.architecture().leaky_skips},
                   {"shuffles", options.shuffles},
                   {"seed", options.seed}};
  auto rows = nlohmann::ordered_json::array();
  for (const auto& loop : loops) rows.push_back(scores_of(loop, measured, options));
  file.results["rows"] = rows;
  print(rows);
  const auto latent = stored.model.architecture().latent;
  if (const auto pca = pca_psnr_db(data, trained, pictures, latent)) {
    file.results["pca_psnr_mean_db"] = *pca;
    std::printf("principal components of the training pictures, %lld numbers: %.2f dB\n",
                static_cast<long long>(latent), *pca);
  }
  write_experiment(options.common, file, kFigure,
                   figure_of(loops, measured, stored.model.standardised(test.waveforms),
                             stored.model.waveforms(drawn.latent)));
  return 0;
}

}  // namespace

void add_evaluate_waveform(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add(
      "waveform",
      "Held-out pictures from their latent, from synthetic and from recorded waveforms, beside the "
      "mean picture and shuffled responses.",
      [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "waveform");
  command.add_option("--model", options->model,
                     "run folder or .safetensors file; default: the shipped waveform-flowers");
  command.add_option("--data,--data-dir", options->data,
                     "folder of the data set or recording that it was trained beside");
  command.add_option("--workers", options->workers, "threads that decode pictures")
      ->capture_default_str();
  command.add_option("--count", options->count, "responses of the test part, spread over it")
      ->capture_default_str();
  command.add_option("--waveform-noise", options->noise,
                     "deviation of noise on synthetic waveforms, in the recording's; default: as "
                     "trained");
  command.add_option("--shuffles", options->shuffles, "of pictures among responses, for p")
      ->capture_default_str();
  command.add_option("--seed", options->seed, "of noise and shuffles")->capture_default_str();
  command.add_flag("--accept-changed-data", options->accept_changed_data,
                   "measure on other data than it was trained beside");
}

}  // namespace neurosplat::apps
