#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace p2p::app {

/// Prints rows of UTF-8 cells in aligned columns, separated by two spaces. Cells are made printable().
void print_table(std::ostream& out, std::vector<std::vector<std::string>> rows);

/// "24 MB", "8.1 GB": at most three digits, powers of 1000.
std::string bytes_text(double bytes);

/// "0.42": two decimals.
std::string decimal(double value, int digits = 2);

}  // namespace p2p::app
