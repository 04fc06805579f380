#include "app/output_files.hpp"

#include <algorithm>

#include "app/number_pattern.hpp"
#include "base/error.hpp"
#include "base/temporary_file.hpp"
#include "base/text.hpp"

namespace p2p::app {
namespace {

namespace fs = std::filesystem;

std::optional<engine::ImageFormat> format_of(const fs::path& file) {
  const std::string extension = file.extension().string();
  return engine::image_format_named(to_lower(std::string_view(extension).substr(extension.empty() ? 0 : 1)));
}

void fill(TemporaryFile& file, std::span<const std::uint8_t> bytes) {
  file.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  file.sync();
}

fs::path numbered(const fs::path& file, int number) {
  return file.parent_path() / (file.stem().string() + "-" + std::to_string(number) + file.extension().string());
}

std::vector<fs::path> numbered_files(const fs::path& file, int count) {
  if (count == 1) return {file};
  std::vector<fs::path> files;
  for (int i = 1; i <= count; ++i) files.push_back(numbered(file, i));
  return files;
}

fs::path checked_name(const std::string& output) {
  fs::path file(output);
  if (output == "-") throw UsageError("pictures go to files: name one, such as --output fox.png");
  std::error_code unusable;  // checked below for each file
  if (!file.has_filename() || fs::is_directory(file, unusable)) throw UsageError("--output " + output + " is a folder; name a file in it");
  if (!file.has_extension()) file += ".png";
  if (!format_of(file)) {
    const auto with = [&](const char* extension) { return fs::path(file).replace_extension(extension).string(); };
    throw UsageError("pictures are PNG, JPEG or WebP files: name it " + with(".png") + ", " + with(".jpg") + " or " + with(".webp"));
  }
  return file;
}

bool is_taken(const fs::path& file) { return fs::exists(fs::symlink_status(file)); }

/// The first consecutive numbers after those that are taken.
std::vector<fs::path> next_numbers(const fs::path& pattern, int count) {
  constexpr int kLast = 1'000'000;
  int first = 1;
  while (first < kLast && is_taken(with_number(pattern.string(), first))) ++first;
  std::vector<fs::path> files;
  for (int number = first; static_cast<int>(files.size()) < count; ++number) {
    if (number > kLast) throw UsageError("--output " + pattern.string() + " has no free number up to " + std::to_string(kLast));
    if (is_taken(with_number(pattern.string(), number)))
      files.clear();
    else
      files.emplace_back(with_number(pattern.string(), number));
  }
  return files;
}

/// Throws unless all can be written. Links to files are replaced by their targets.
std::vector<fs::path> writable(std::vector<fs::path> files) {
  const fs::path folder = files.front().has_parent_path() ? files.front().parent_path() : ".";
  if (!fs::is_directory(folder)) throw UsageError("the folder " + folder.string() + " for the pictures does not exist");
  for (fs::path& file : files) {
    std::error_code problem;
    const fs::file_status status = fs::status(file, problem);
    if (problem && status.type() != fs::file_type::not_found) throw Error(file.string() + " cannot be written: " + problem.message());
    if (fs::exists(status) && !fs::is_regular_file(status)) throw UsageError(file.string() + " exists and is no file that can be replaced");
    if (fs::exists(status)) file = fs::is_symlink(file) ? fs::canonical(file) : file;
  }
  const TemporaryFile attempt(files.front());  // throws if the folder is not writable
  return files;
}

}  // namespace

bool is_new_output(const std::string& output) { return output.empty() || is_number_pattern(output); }

std::vector<fs::path> output_files(const std::string& output, std::uint64_t seed, int count) {
  if (is_number_pattern(output)) return writable(next_numbers(checked_name(output), count));
  if (!output.empty()) return writable(numbered_files(with_number(checked_name(output).string(), 0), count));
  const std::string base = "prompt2pic-" + std::to_string(seed);
  std::vector<fs::path> files;
  for (int i = 1; files.empty() || std::ranges::any_of(files, is_taken); ++i) {
    files = numbered_files(base + (i == 1 ? "" : "_" + std::to_string(i)) + ".png", count);
  }
  return writable(std::move(files));
}

std::vector<fs::path> listed_files(const std::string& output, int count) {
  fs::path pattern =
      output.empty() ? fs::path("prompt2pic-%0" + std::to_string(std::to_string(count).size()) + "d.png") : checked_name(output);
  if (!is_number_pattern(pattern.string()))
    pattern = pattern.parent_path() / (pattern.stem().string() + "-%d" + pattern.extension().string());
  std::vector<fs::path> files;
  for (int number = 1; number <= count; ++number) files.emplace_back(with_number(pattern.string(), number));
  return writable(std::move(files));
}

std::vector<std::uint8_t> encode_for(const fs::path& file, const engine::Image& image, const std::string& parameters) {
  return engine::encode_image(image, format_of(file).value_or(engine::ImageFormat::png), parameters);
}

void write_file(const fs::path& path, std::span<const std::uint8_t> bytes) {
  TemporaryFile file(path);
  fill(file, bytes);
  file.replace();
}

bool write_if_new(const fs::path& path, std::span<const std::uint8_t> bytes) {
  TemporaryFile file(path);
  fill(file, bytes);
  return file.create();
}

void write_new_file(std::vector<fs::path>& files, std::size_t index, const std::string& output, std::uint64_t seed,
                    std::span<const std::uint8_t> bytes) {
  while (!write_if_new(files[index], bytes)) {
    const auto free = output_files(output, seed, static_cast<int>(files.size()));
    for (std::size_t i = index; i < files.size(); ++i) files[i] = free[i];
  }
}

}  // namespace p2p::app
