#include "app/table.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/printable.hpp"

namespace p2p::app {
namespace {

std::size_t width(const std::string& cell) {
  return static_cast<std::size_t>(std::ranges::count_if(cell, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

void print_table(std::ostream& out, std::vector<std::vector<std::string>> rows) {
  std::vector<std::size_t> widths;
  for (auto& row : rows) {
    for (std::string& cell : row) {
      std::ranges::replace(cell, '\n', ' ');
      cell = printable(cell);
    }
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out << row[i] << (i + 1 == row.size() ? "\n" : std::string(widths[i] - width(row[i]) + 2, ' '));
    }
  }
}

std::string bytes_text(double bytes) {
  constexpr std::array kUnits{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; bytes >= 999.5 && unit + 1 < kUnits.size(); ++unit) bytes /= 1000;
  return decimal(bytes, unit > 0 && bytes < 9.95 ? 1 : 0) + " " + kUnits[unit];
}

std::string decimal(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

}  // namespace p2p::app
