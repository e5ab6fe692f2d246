#include "neurosplat/systems/iterative_vae/published_curves.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "neurosplat/core/error.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

class PublishedFiles : public ::testing::Test {
 protected:
  fs::path file(const std::string& content) const {
    std::ofstream(folder_ / "file.csv") << content;
    return folder_ / "file.csv";
  }

  testing::TemporaryFolder folder_;
};

TEST_F(PublishedFiles, CurvesAreReadByModel) {
  const auto curves = read_published_curves(
      file("str_model,beta_outer,time,r2,%-zeros,du_norm\npoisson,24.0,1,-0.5,0.25,2\n"
           "poisson,24.0,2,0.5,0.5,1\ngaussian+relu,8.0,1,0.125,0,4\r\n"));
  ASSERT_EQ(curves.size(), 2U);
  EXPECT_EQ(curves[0].model, "iP");
  EXPECT_EQ(curves[0].beta, 24.0);
  EXPECT_EQ(curves[0].step, (std::vector<double>{1, 2}));
  EXPECT_EQ(curves[0].r2, (std::vector<double>{-0.5, 0.5}));
  EXPECT_EQ(curves[0].zeros, (std::vector<double>{0.25, 0.5}));
  EXPECT_EQ(curves[1].model, "iG-relu");
  EXPECT_EQ(curves[1].du_norm, (std::vector<double>{4}));
}

TEST_F(PublishedFiles, PointsAreReadWhateverTheOrderOfColumns) {
  const auto points = read_published_points(
      file("seq_len,kl_beta,str_model,%-zeros,r2,r2_map\n16,24,poisson,0.75,0.5,0.625\n"
           "-1,0.5,lca,0.5,0.25,0.25\n1,2,gaussian+softplus+amort,0,0.75,0.875\n"));
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(points[0].model, "iP");
  EXPECT_EQ(points[0].steps, 16);
  EXPECT_EQ(points[0].mean_r2, 0.625);
  EXPECT_EQ(points[1].model, "LCA");
  EXPECT_EQ(points[1].beta, 0.5);
  EXPECT_EQ(points[2].model, "G-softplus");
}

TEST_F(PublishedFiles, BadFilesAreRefusedInOneLine) {
  const std::string names = "str_model,seq_len,kl_beta,%-zeros,r2,r2_map\n";
  for (const auto& content :
       {std::string(), std::string("a,b\n1,2\n"), names + "poisson,16,24,0.5,0.5\n",
        names + "poisson,16,24,0.5,nan,0.5\n", names + "poisson,16,24,0.5,0.5x,0.5\n",
        names + "poisson,,24,0.5,0.5,0.5\n"}) {
    try {
      read_published_points(file(content));
      FAIL() << content;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      EXPECT_NE(std::string(error.what()).find("file.csv"), std::string::npos);
    }
  }
  EXPECT_THROW(read_published_curves(folder_ / "none.csv"), Error);
}

TEST_F(PublishedFiles, OfTheReference) {
  const auto folder = testing::shared_folder("reference/fixtures");
  if (!folder) GTEST_SKIP() << "needs the curves in ../shared/reference/fixtures";
  const auto curves = read_published_curves(*folder / "S2_convergence.csv");
  ASSERT_EQ(curves.size(), 3U);
  for (const auto& curve : curves) {
    ASSERT_EQ(curve.step.size(), 1000U);
    EXPECT_EQ(curve.step.front(), 1.0);
    if (curve.model == "iP") {
      EXPECT_NEAR(curve.r2[15], 0.7076, 5e-5);
    }
  }
  const auto points = read_published_points(*folder / "S2_ratedist.csv");
  EXPECT_EQ(points.size(), 139U);
  EXPECT_EQ(std::count_if(points.begin(), points.end(),
                          [](const PublishedPoint& point) { return point.model == "LCA"; }),
            19);
}

}  // namespace
}  // namespace neurosplat
