// scripts/check_layers.py on small checkouts: what it lets pass and each kind of fault.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

class CheckLayers : public ::testing::Test {
 protected:
  void SetUp() override {
    if (check().status == 127) GTEST_SKIP() << "no python3";
    put("src/core/CMakeLists.txt", "neurosplat_module(core SOURCES a.cpp)\n");
    put("src/core/secret.h", "");
    put("src/core/a.cpp", "#include \"core/secret.h\"\n#include \"neurosplat/core/a.h\"\n");
    put("include/neurosplat/core/a.h", "#include <vector>\n");
    put("src/systems/eye/CMakeLists.txt",
        "neurosplat_module(eye\n  SOURCES eye.cpp  # sees\n  USES core\n"
        "  COMMANDS command.cpp\n  COMMANDS_USE program)\n");
    put("src/systems/eye/eye.cpp", "#include \"neurosplat/core/a.h\"\n");
    put("src/systems/eye/command.cpp", "#include \"neurosplat/program/p.h\"\n");
    put("include/neurosplat/systems/eye/eye.h", "");
    put("src/program/CMakeLists.txt", "neurosplat_module(program SOURCES p.cpp USES core)\n");
    put("include/neurosplat/program/p.h", "#include \"neurosplat/core/a.h\"\n");
    put("tests/systems/eye/CMakeLists.txt", "neurosplat_test(eye SOURCES eye_test.cpp USES eye)\n");
    put("tests/systems/eye/scene.h", "");
    put("tests/systems/eye/eye_test.cpp",
        "#include \"systems/eye/scene.h\"\n#include \"neurosplat/systems/eye/eye.h\"\n");
    put("apps/CMakeLists.txt", "neurosplat_executable(see SOURCES see.cpp USES eye)\n");
    put("apps/see.cpp", "#include \"neurosplat/systems/eye/eye.h\"\n");
  }

  void put(const fs::path& path, const std::string& words) const {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path) << words;
  }

  testing::Finished check() const {
    const auto script = testing::source_folder() / "scripts" / "check_layers.py";
    return testing::run_command(
        {"/usr/bin/env", "python3", script.string(), folder_.path().string()});
  }

  void expect_fault(const std::string& part) const {
    const auto run = check();
    EXPECT_EQ(run.status, 1) << run.output;
    EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << run.errors;
    EXPECT_NE(run.errors.find(part), std::string::npos) << run.errors;
  }

  testing::TemporaryFolder folder_;
};

TEST_F(CheckLayers, LetsPassWhatIsDeclared) {
  const auto run = check();
  EXPECT_EQ(run.status, 0) << run.errors;
  EXPECT_NE(run.output.find("10 files of 3 modules"), std::string::npos) << run.output;
}

TEST_F(CheckLayers, FindsAnUndeclaredInclude) {
  put("src/systems/eye/eye.cpp", "\n#include \"neurosplat/program/p.h\"\n");
  expect_fault("src/systems/eye/eye.cpp:2: neurosplat/program/p.h: expected program in the USES");
}

TEST_F(CheckLayers, FindsAnUndeclaredIncludeOfAProgram) {
  put("apps/see.cpp", "#include \"neurosplat/core/a.h\"\n");
  expect_fault("apps/see.cpp:1: neurosplat/core/a.h: expected core in the USES of see");
}

TEST_F(CheckLayers, FindsAnUndeclaredIncludeOfATest) {
  put("tests/systems/eye/eye_test.cpp", "#include \"neurosplat/core/a.h\"\n");
  expect_fault("eye_test.cpp:1: neurosplat/core/a.h: expected core in the USES of eye");
}

TEST_F(CheckLayers, FindsTheTestHeaderOfAnotherModule) {
  put("tests/core/CMakeLists.txt", "neurosplat_test(core SOURCES core_test.cpp USES core)\n");
  put("tests/core/core_test.cpp", "#include \"systems/eye/scene.h\"\n");
  expect_fault("core_test.cpp:1: systems/eye/scene.h: expected systems/eye in the USES of core");
}

TEST_F(CheckLayers, FindsAPrivateHeaderOfAnotherModule) {
  put("src/systems/eye/eye.cpp", "#include \"core/secret.h\"\n");
  expect_fault("eye.cpp:1: core/secret.h is a private header of core");
}

TEST_F(CheckLayers, FindsAPrivateHeaderInAProgramUnlessItSaysSo) {
  put("apps/see.cpp", "#include \"core/secret.h\"\n");
  put("apps/CMakeLists.txt", "neurosplat_executable(see SOURCES see.cpp USES core)\n");
  expect_fault("see.cpp:1: core/secret.h is a private header of core");
  put("apps/CMakeLists.txt",
      "neurosplat_executable(see SOURCES see.cpp USES core PRIVATE_HEADERS_OF core)\n");
  EXPECT_EQ(check().status, 0);
}

TEST_F(CheckLayers, FindsACycle) {
  put("src/core/CMakeLists.txt", "neurosplat_module(core SOURCES a.cpp USES program)\n");
  expect_fault("got core -> program -> core");
}

TEST_F(CheckLayers, FindsAModuleThatKnowsASystem) {
  put("src/systems/eye/CMakeLists.txt", "neurosplat_module(eye SOURCES eye.cpp USES core)\n");
  put("src/systems/eye/command.cpp", "");
  put("src/program/CMakeLists.txt", "neurosplat_module(program SOURCES p.cpp USES core eye)\n");
  expect_fault("program uses the system eye");
}

TEST_F(CheckLayers, FindsAModuleThatIsNotThere) {
  put("apps/CMakeLists.txt", "neurosplat_executable(see SOURCES see.cpp USES eye ear)\n");
  expect_fault("see uses 'ear', got no module of that name");
}

TEST_F(CheckLayers, FindsAFileOutsideOfTheModules) {
  put("src/ear/b.cpp", "");
  expect_fault("src/ear/b.cpp: expected a folder of a module");
  fs::remove_all(folder_ / "src" / "ear");
  put("apps/see.cpp", "#include \"neurosplat/ear/b.h\"\n");
  expect_fault("expected a module's folder after neurosplat/, got neurosplat/ear/b.h");
}

TEST_F(CheckLayers, FindsALongFile) {
  std::string lines;
  for (int i = 0; i < 451; ++i) lines += "\n";
  put("src/core/a.cpp", lines);
  expect_fault("src/core/a.cpp: expected at most 450 lines, got 451");
}

}  // namespace
}  // namespace neurosplat
