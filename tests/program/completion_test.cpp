// The scripts of `completion`, run by the shells that they are for.
#include "program/completion.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat::apps {
namespace {

using Words = std::vector<std::string>;

class Completion : public ::testing::Test {
 protected:
  Completion() {
    app_.set_version_flag("--version", "1");
    auto& train = *app_.add_subcommand("train", "Trains: it's [slow], at 100 %.");
    train.add_option("--data,--data-dir", text_, "folder of the data");
    train.add_option("--loss", text_, "what falls (one of mse, psnr)");
    train.add_option("--splits", list_, "what to learn (one of train, val, test)")->delimiter(',');
    train.add_option("--epochs", number_, "passes [over] the data: all of them")
        ->capture_default_str();
    train.add_flag("--flip,!--no-flip", flag_, "mirror it's pictures");
    app_.add_subcommand("shell", "Names a shell.")->add_option("shell", text_, "bash, zsh or fish");
  }

  std::string script(const std::string& shell) {
    const auto path = (folder_ / ("script." + shell)).string();
    std::ofstream(path) << completion_script(app_, shell);
    return path;
  }

  /// What bash offers for the last of `words`.
  Words offered(const Words& words) {
    std::string line = "source " + script("bash") +
                       "; complete -p neurosplat-see >/dev/null || exit 9; COMP_WORDS=(";
    for (const auto& word : words) line += " '" + word + "'";
    line +=
        "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _neurosplat_see; printf '%s\\n' "
        "\"${COMPREPLY[@]}\"";
    const auto ran = testing::run_command({"bash", "--norc", "-c", line}, folder_.path());
    EXPECT_EQ(ran.status, 0) << ran.errors;
    EXPECT_EQ(ran.errors, "");
    Words all;
    std::istringstream lines(ran.output);
    for (std::string word; std::getline(lines, word);) {
      if (!word.empty()) all.push_back(word);
    }
    return all;
  }

  CLI::App app_{"Sees.", "neurosplat-see"};
  testing::TemporaryFolder folder_;
  std::string text_;
  std::vector<std::string> list_;
  int number_ = 3;
  bool flag_ = false;
};

TEST_F(Completion, BashOffersCommandsOptionsAndWords) {
  EXPECT_EQ(offered({"neurosplat-see", "tr"}), (Words{"train"}));
  EXPECT_EQ(offered({"neurosplat-see", ""}),
            (Words{"train", "shell", "--help", "-h", "--version"}));
  EXPECT_EQ(offered({"neurosplat-see", "train", "--d"}), (Words{"--data", "--data-dir"}));
  EXPECT_EQ(offered({"neurosplat-see", "train", "--n"}), (Words{"--no-flip"}));
  EXPECT_EQ(offered({"neurosplat-see", "train", "--loss", ""}), (Words{"mse", "psnr"}));
  EXPECT_EQ(offered({"neurosplat-see", "train", "--loss", "p"}), (Words{"psnr"}));
  EXPECT_EQ(offered({"neurosplat-see", "train", "--loss", "=", "m"}), (Words{"mse"}));
  EXPECT_EQ(offered({"neurosplat-see", "train", "--loss", "="}), (Words{"mse", "psnr"}));
  EXPECT_EQ(offered({"neurosplat-see", "train", "--splits", "train,v"}), (Words{"train,val"}));
  EXPECT_EQ(offered({"neurosplat-see", "train", "--epochs", ""}), Words{});
  EXPECT_EQ(offered({"neurosplat-see", "train", "--flip", "--lo"}), (Words{"--loss"}));
  EXPECT_EQ(offered({"neurosplat-see", "shell", "z"}), (Words{"zsh"}));
  EXPECT_EQ(offered({"neurosplat-see", "other", ""}), Words{});
}

TEST_F(Completion, BashOffersFiles) {
  std::ofstream(folder_ / "my picture.png") << "";
  EXPECT_EQ(offered({"neurosplat-see", "train", "--data-dir", "my"}), (Words{"my picture.png"}));
}

TEST_F(Completion, OtherShellsReadTheirScripts) {
  int read = 0;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    if (testing::run_command({shell, "-c", "true"}).status != 0) {
      std::printf("SKIPPED: no %s to read its script\n", shell.c_str());
      continue;
    }
    const auto ran = testing::run_command({shell, "-n", script(shell)});
    EXPECT_EQ(ran.status, 0) << shell << ": " << ran.errors;
    ++read;
  }
  EXPECT_GE(read, 1);
}

TEST_F(Completion, FishOffersCommandsOptionsAndWords) {
  if (testing::run_command({"fish", "-c", "true"}).status != 0)
    GTEST_SKIP() << "fish is not installed";
  const auto offers = [&](const std::string& line) {
    const auto ran = testing::run_command(
        {"fish", "--no-config", "-c",
         "source " + script("fish") + "; complete -C 'neurosplat-see " + line + "'"},
        folder_.path());
    EXPECT_EQ(ran.errors, "");
    Words all;
    std::istringstream lines(ran.output);
    for (std::string offer; std::getline(lines, offer);)
      all.push_back(offer.substr(0, offer.find('\t')));
    return all;
  };
  EXPECT_EQ(offers("tr"), (Words{"train"}));
  EXPECT_EQ(offers("train --d"), (Words{"--data", "--data-dir"}));
  EXPECT_EQ(offers("train --loss "), (Words{"mse", "psnr"}));
  EXPECT_EQ(offers("train --epochs "), Words{});
}

TEST_F(Completion, QuotesWhatHelpsSay) {
  const auto zsh = completion_script(app_, "zsh");
  EXPECT_NE(zsh.find("'train:Trains: it'\\''s [slow], at 100 %.'"), std::string::npos) << zsh;
  EXPECT_NE(zsh.find("'--epochs=[passes \\[over\\] the data: all of them]:number: '"),
            std::string::npos)
      << zsh;
  EXPECT_NE(zsh.find("'--loss=[what falls (one of mse, psnr)]:word:(mse psnr)'"),
            std::string::npos);
  const auto fish = completion_script(app_, "fish");
  EXPECT_NE(fish.find("-l data -l data-dir -r -F -d 'folder of the data'"), std::string::npos)
      << fish;
  EXPECT_NE(fish.find("-l loss -x -a 'mse psnr'"), std::string::npos);
  EXPECT_NE(fish.find("-l flip -l no-flip -d 'mirror it\\'s pictures'"), std::string::npos) << fish;
}

TEST_F(Completion, RefusesOtherShells) {
  EXPECT_THROW(static_cast<void>(completion_script(app_, "tcsh")), UsageError);
}

TEST(WordsListedInHelp, AreAllOrNone) {
  EXPECT_EQ(words_listed_in("cpu, cuda or auto"), (Words{"cpu", "cuda", "auto"}));
  EXPECT_EQ(words_listed_in("split to measure on: train, val or test"),
            (Words{"train", "val", "test"}));
  EXPECT_EQ(words_listed_in("auto: with CUDA where it is (one of off, on, auto)"),
            (Words{"off", "on", "auto"}));
  EXPECT_EQ(words_listed_in("run folder, .safetensors file or PyTorch model.pt"), Words{});
  EXPECT_EQ(words_listed_in("NAME.mp4 or a folder for PNG files"), Words{});
  EXPECT_EQ(words_listed_in("CPU threads; 0: all cores (0 to 1024)"), Words{});
  EXPECT_EQ(words_listed_in(""), Words{});
}

}  // namespace
}  // namespace neurosplat::apps
