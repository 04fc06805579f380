#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace p2p::engine::wuerstchen {

/// Modules of diffusers' WuerstchenDiffNeXt. The first three are the letters C, T and A of `level_config`.
enum class BlockType : std::uint8_t {
  residual,   ///< ResBlockStageB
  timestep,   ///< TimestepBlock
  attention,  ///< AttnBlock
  downscale,  ///< the convolution to the next level
  upscale,    ///< the transposed convolution to the level before
};

/// One module of `down_blocks` or `up_blocks`.
struct DecoderBlock {
  BlockType type = BlockType::residual;
  std::size_t level = 0;  ///< the level of its input
  std::string path;
  std::string effnet_mapper;  ///< residual blocks only: the path of the block's mapper; empty without one
  bool joins_skip = false;    ///< residual blocks only: its input includes the output of the level's down blocks
};

/// The config.json of WuerstchenDiffNeXt.
struct DecoderConfig {
  std::size_t c_in = 4;
  std::size_t c_out = 4;
  std::size_t c_r = 64;
  std::size_t patch_size = 2;
  std::size_t c_cond = 1024;
  std::vector<std::size_t> c_hidden{320, 640, 1280, 1280};
  std::vector<long long> nhead{-1, 10, 20, 20};
  std::vector<std::size_t> blocks{4, 4, 14, 4};
  std::vector<std::vector<BlockType>> level_config;  ///< set by load(); a level consists of these, repeated `blocks` times
  std::vector<bool> inject_effnet{false, true, true, true};
  std::size_t effnet_embd = 16;
  std::size_t clip_embd = 1024;
  std::size_t kernel_size = 3;

  /// Throws ModelError.
  static DecoderConfig load(const std::filesystem::path& config_file);

  std::size_t levels() const { return c_hidden.size(); }
  /// The sides of the latents must be multiples of this; otherwise skip connections do not fit.
  std::size_t size_multiple() const { return patch_size << (levels() - 1); }
  /// All modules in execution order.
  std::vector<DecoderBlock> block_list() const;
};

}  // namespace p2p::engine::wuerstchen
