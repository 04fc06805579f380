#include "engine/checkpoint/safetensors.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/file_kind.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "engine/checkpoint/weight_scales.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference library
constexpr std::size_t kMaxRank = 64;
constexpr std::string_view kMetadata = "__metadata__";
constexpr std::string_view kExtension = ".safetensors";

[[noreturn]] void fail(const fs::path& path, const std::string& problem) { throw ModelError(path.string() + ": " + problem); }

[[noreturn]] void fail(const fs::path& path, const std::string& tensor, const std::string& problem) {
  fail(path, "tensor " + excerpt(tensor) + ": " + problem);
}

const Json& member(const Json& info, const char* key, const fs::path& path, const std::string& tensor) {
  const auto found = info.find(key);
  if (found == info.end()) fail(path, tensor, std::string("expected \"") + key + "\", found " + excerpt(info));
  return *found;
}

/// A list of non-negative integers.
std::vector<std::size_t> sizes(const Json& info, const char* key, const fs::path& path, const std::string& tensor) {
  const Json& list = member(info, key, path, tensor);
  const bool right =
      list.is_array() && list.size() <= kMaxRank && std::ranges::all_of(list, [](const Json& item) { return item.is_number_unsigned(); });
  if (!right)
    fail(path, tensor,
         std::string(key) + ": expected at most " + std::to_string(kMaxRank) + " integers that are not negative, found " + excerpt(list));
  return list.get<std::vector<std::size_t>>();
}

TensorView read_tensor(const std::string& name, const Json& info, std::span<const std::byte> data, const fs::path& path) {
  if (!info.is_object()) fail(path, name, "expected an object, found " + excerpt(info));
  const Json& type = member(info, "dtype", path, name);
  const auto dtype = type.is_string() ? dtype_named(type.get_ref<const std::string&>()) : std::nullopt;
  if (!dtype) fail(path, name, "dtype: expected a type this engine reads (F32, BF16, F16, ...), found " + excerpt(type));

  const Shape shape = sizes(info, "shape", path, name);
  std::size_t expected = 0;
  try {
    expected = byte_size(*dtype, shape);
  } catch (const ModelError& error) {
    fail(path, name, error.what());
  }

  const auto offsets = sizes(info, "data_offsets", path, name);
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    fail(path, name, "data_offsets: expected [BEGIN, END], found " + excerpt(info["data_offsets"]));
  }
  const std::size_t found = offsets[1] - offsets[0];
  if (found != expected) {
    fail(path, name,
         "expected " + std::to_string(expected) + " bytes for " + std::string(name_of(*dtype)) + " " + to_string(shape) + ", found " +
             std::to_string(found) + " in data_offsets " + to_string(offsets));
  }
  if (offsets[1] > data.size()) {
    fail(path, name,
         "expected data up to byte " + std::to_string(offsets[1]) + ", found " + std::to_string(data.size()) +
             " bytes of data in the file: it is cut; download it again");
  }
  return {*dtype, shape, data.subspan(offsets[0], found)};
}

void check_metadata(const Json& metadata, const fs::path& path) {
  const bool right = metadata.is_object() && std::ranges::all_of(metadata, [](const Json& value) { return value.is_string(); });
  if (!right) fail(path, "__metadata__: expected an object of strings, found " + excerpt(metadata));
}

/// Checks that every byte of the data belongs to exactly one tensor.
void check_cover(const Tensors& tensors, std::span<const std::byte> data, const fs::path& path) {
  std::vector<const std::pair<const std::string, TensorView>*> order;
  for (const auto& tensor : tensors) order.push_back(&tensor);
  const auto place = [](const auto* tensor) { return std::pair(tensor->second.data.data(), tensor->second.data.size()); };
  std::ranges::sort(order, {}, place);
  const std::byte* end = data.data();
  for (const auto* tensor : order) {
    const auto [begin, size] = place(tensor);
    if (begin != end) {
      fail(path, tensor->first,
           "expected its data at byte " + std::to_string(end - data.data()) + ", found it at byte " + std::to_string(begin - data.data()) +
               (begin < end ? ": tensors overlap" : ": bytes that no tensor uses"));
    }
    end = begin + size;
  }
  const auto used = static_cast<std::size_t>(end - data.data());
  if (used != data.size()) {
    fail(path, "expected " + std::to_string(used) + " bytes of data, found " + std::to_string(data.size()) + ": bytes that no tensor uses");
  }
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));  // true for a dangling link too: opening it reports the problem
}

/// The file names by tensor of an index.
std::map<std::string, std::string> read_index(const fs::path& path) {
  Json index;
  try {
    index = read_json(path);
  } catch (const Error& error) {
    throw ModelError(error.what());
  }
  const auto weight_map = index.is_object() ? index.find("weight_map") : index.end();
  if (weight_map == index.end() || !weight_map->is_object()) fail(path, "weight_map: expected an object of file names by tensor");
  std::map<std::string, std::string> files;
  for (const auto& [tensor, file] : weight_map->items()) {
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    // Links are followed, because download caches consist of them. Names with path components are refused.
    if (name.size() <= kExtension.size() || !name.ends_with(kExtension) || name.find_first_of(std::string_view("/\\\0", 3)) != name.npos) {
      fail(path, tensor, "expected the plain name of a .safetensors file in the same folder, found " + excerpt(file));
    }
    if (!is_there(path.parent_path() / name)) fail(path, tensor, "the file " + excerpt(file) + " is not there: download it again");
    files.emplace(tensor, name);
  }
  return files;
}

void add(WeightFiles& weights, Safetensors shard) {
  for (auto& [name, view] : shard.tensors)
    weights.tensors.insert_or_assign(name, WeightFiles::Entry{std::move(view), shard.file, shard.path});
}

void add_shards(WeightFiles& weights, const fs::path& index) {
  const auto files = read_index(index);
  std::map<std::string, Safetensors> shards;
  for (const auto& [tensor, file] : files) {
    auto shard = shards.find(file);
    if (shard == shards.end()) shard = shards.emplace(file, open_safetensors(index.parent_path() / file)).first;
    if (!shard->second.tensors.contains(tensor)) fail(index, tensor, "expected in " + excerpt(file) + ", which does not hold it");
  }
  for (auto& [file, shard] : shards) {
    for (const auto& [tensor, view] : shard.tensors) {
      const auto listed = files.find(tensor);
      if (listed == files.end()) fail(index, tensor, "found in " + excerpt(file) + ", but the index does not list it");
      if (listed->second != file)
        fail(index, tensor, "found in " + excerpt(file) + ", but the index places it in " + excerpt(listed->second));
    }
    add(weights, std::move(shard));
  }
}

/// Extensions of weights in other formats.
constexpr std::array<std::string_view, 11> kOtherFormats{".bin",  ".ckpt", ".pt",  ".pth", ".msgpack", ".h5",
                                                         ".onnx", ".gguf", ".xml", ".npz", ".pkl"};

[[noreturn]] void fail_without_weights(const fs::path& folder, const std::string& looked_for) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string extension = to_lower(entry->path().extension().string());
    if (std::ranges::find(kOtherFormats, extension) != kOtherFormats.end()) throw ModelError(wrong_file(entry->path(), kExpectedWeights));
  }
  if (error) fail(folder, "expected a folder with weights: " + error.message());
  fail(folder, "no weights; looked for " + looked_for);
}

}  // namespace

bool has_prefix(const Tensors& tensors, std::string_view prefix) {
  const auto found = tensors.lower_bound(prefix);
  return found != tensors.end() && found->first.starts_with(prefix);
}

MappedFile::MappedFile(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe must not block here
  if (file < 0) throw ModelError(wrong_file(path, kExpectedWeights));
  struct stat status{};
  const bool is_regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  const auto size = is_regular ? static_cast<std::size_t>(status.st_size) : 0;
  void* const data = size > 0 ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0) : nullptr;
  const int error = errno;
  ::close(file);
  if (!is_regular) throw ModelError(wrong_file(path, kExpectedWeights));
  if (data == MAP_FAILED) fail(path, "cannot be read: " + std::generic_category().message(error));
  bytes_ = {static_cast<const std::byte*>(data), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Safetensors parse_safetensors(std::span<const std::byte> bytes, const fs::path& path) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t header_size = 0;
  if (bytes.size() <= sizeof header_size) {
    fail(path, "expected a .safetensors file, found " + std::to_string(bytes.size()) + " bytes: it is cut; download it again");
  }
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kFileHead));
  if (const FileKind* const kind = file_kind(head); !kind || kind->group != FileGroup::safetensors) {
    throw ModelError(wrong_file(path, head, kExpectedWeights));
  }
  std::memcpy(&header_size, bytes.data(), sizeof header_size);
  bytes = bytes.subspan(sizeof header_size);
  if (header_size > kMaxHeaderBytes) {
    fail(path, "expected a header of at most " + std::to_string(kMaxHeaderBytes) + " bytes, found " + std::to_string(header_size));
  }
  if (header_size > bytes.size()) {
    fail(path, "expected a header of " + std::to_string(header_size) + " bytes, found " + std::to_string(bytes.size()) +
                   " bytes after its length: it is cut; download it again");
  }
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()), header_size);
  const auto data = bytes.subspan(header_size);

  Json json;
  try {
    json = parse_json(header, path.string() + ": header", kModelFileLimits);
  } catch (const Error& error) {
    throw ModelError(error.what());
  }
  Safetensors file{.path = path, .file = {}, .tensors = {}, .metadata = {}};
  for (const auto& [name, info] : json.items()) {
    if (name == kMetadata) {
      check_metadata(info, path);
      file.metadata = info;
    } else {
      file.tensors.emplace(name, read_tensor(name, info, data, path));
    }
  }
  check_cover(file.tensors, data, path);
  return file;
}

Safetensors open_safetensors(const fs::path& path) {
  auto file = std::make_shared<const MappedFile>(path);
  Safetensors parsed = parse_safetensors(file->bytes(), path);
  parsed.file = std::move(file);
  apply_weight_scales(parsed.tensors, path);
  return parsed;
}

WeightFiles open_weights(const fs::path& folder) {
  // Files are preferred as diffusers loads them without a variant, and averaged weights (ema) to those that training goes on from.
  constexpr std::array kVariants{"", ".fp16", ".bf16", ".fp32", ".ema", ".non_ema"};
  WeightFiles weights{folder, {}};
  std::string looked_for;
  for (const std::string variant : kVariants) {
    for (const std::string stem : {"diffusion_pytorch_model", "model"}) {
      const std::string file = stem + variant + ".safetensors";
      std::vector<std::string> names{file, file + ".index.json"};
      if (!variant.empty()) names.push_back(stem + ".safetensors.index" + variant + ".json");
      for (const std::string& name : names) {
        looked_for += (looked_for.empty() ? "" : ", ") + name;
        if (!is_there(folder / name)) continue;
        if (name == file) {
          add(weights, open_safetensors(folder / name));
        } else {
          add_shards(weights, folder / name);
        }
        return weights;
      }
    }
  }
  fail_without_weights(folder, looked_for);
}

}  // namespace p2p::engine
