#pragma once

#include <sstream>
#include <string>
#include <vector>

namespace neurosplat {

/// The words of a list with commas between them; empty ones are left out.
inline std::vector<std::string> words_of(const std::string& list) {
  std::vector<std::string> words;
  std::istringstream in(list);
  for (std::string word; std::getline(in, word, ',');) {
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

/// The list of these words.
inline std::string list_of(const std::vector<std::string>& words) {
  std::string list;
  for (const auto& word : words) list += (list.empty() ? "" : ",") + word;
  return list;
}

}  // namespace neurosplat
