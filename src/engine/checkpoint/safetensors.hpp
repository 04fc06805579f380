#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "engine/checkpoint/dtype.hpp"

namespace p2p::engine {

/// A file mapped read-only into memory; pages come from the page cache on first touch. Throws ModelError if it cannot be read.
/// If another program truncates a mapped file, this process gets SIGBUS. Model folders must be replaced, never edited.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

/// Tensors by name.
using Tensors = std::map<std::string, TensorView, std::less<>>;

/// Whether a name begins with `prefix`.
bool has_prefix(const Tensors& tensors, std::string_view prefix);

/// Tensors of a safetensors file by name; the views point into `file`, which is shared: keep it as long as a view.
struct Safetensors {
  std::filesystem::path path;
  std::shared_ptr<const MappedFile> file;
  Tensors tensors;
  std::map<std::string, std::string, std::less<>> metadata;
};

/// Maps and checks one file: header length, JSON, types, shapes, offsets (inside the file, no overlap, no gap, length = shape x type).
/// The scales of 8-bit weights become part of their views; see apply_weight_scales(). Throws ModelError that names the file, the tensor,
/// what was expected and what was found.
Safetensors open_safetensors(const std::filesystem::path& path);

/// Parses the bytes of a safetensors file; `path` is only for messages. The views point into `bytes`; `file` is null.
Safetensors parse_safetensors(std::span<const std::byte> bytes, const std::filesystem::path& path);

/// All tensors of a component folder as diffusers and transformers publish it: `STEM.safetensors`, or shards listed by
/// `STEM.safetensors.index.json`, or the same with a variant: `.fp16`, `.bf16`, `.fp32`, `.ema`, `.non_ema`, the first that is there. STEM
/// is `diffusion_pytorch_model` or `model`. Files are mapped, never read whole. Throws ModelError; a folder with weights in other formats
/// alone is refused with what they are.
struct WeightFiles {
  std::filesystem::path folder;
  struct Entry {
    TensorView view;
    std::shared_ptr<const void> owner;  ///< keeps the view's memory alive
    std::filesystem::path path;
  };
  std::map<std::string, Entry, std::less<>> tensors;
};
WeightFiles open_weights(const std::filesystem::path& folder);

}  // namespace p2p::engine
