#include "engine/models/wuerstchen/decoder_config.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "engine/checkpoint/config_reader.hpp"

namespace p2p::engine::wuerstchen {
namespace {

std::vector<std::size_t> sizes(const std::vector<long long>& values) { return {values.begin(), values.end()}; }

std::vector<long long> integers(const std::vector<std::size_t>& values) { return {values.begin(), values.end()}; }

std::optional<BlockType> block_type(char letter) {
  switch (letter) {
    case 'C':
      return BlockType::residual;
    case 'T':
      return BlockType::timestep;
    case 'A':
      return BlockType::attention;
    default:
      return std::nullopt;
  }
}

std::vector<BlockType> block_types(const ConfigReader& reader, const std::string& letters) {
  const auto fail = [&] { reader.fail("level_config", "expected 1 to 16 of the letters C, T and A, found " + excerpt(Json(letters))); };
  if (letters.empty() || letters.size() > 16) fail();
  std::vector<BlockType> types;
  for (const char letter : letters) {
    const auto type = block_type(letter);
    if (!type) fail();
    types.push_back(*type);
  }
  return types;
}

bool contains(const std::vector<BlockType>& types, BlockType type) { return std::ranges::find(types, type) != types.end(); }

}  // namespace

DecoderConfig DecoderConfig::load(const std::filesystem::path& config_file) {
  const ConfigReader reader(config_file);
  DecoderConfig config;
  config.c_in = reader.size("c_in", 1, 1024, config.c_in);
  config.c_out = reader.size("c_out", 1, 1024, config.c_out);
  config.c_r = reader.size("c_r", 4, 4096, config.c_r);
  config.patch_size = reader.size("patch_size", 1, 16, config.patch_size);
  config.c_cond = reader.size("c_cond", 1, 16384, config.c_cond);
  config.c_hidden = sizes(reader.integers("c_hidden", 1, 16384, integers(config.c_hidden)));
  config.nhead = reader.integers("nhead", -1, 1024, config.nhead);
  config.blocks = sizes(reader.integers("blocks", 1, 512, integers(config.blocks)));
  const auto level_config = reader.texts("level_config", std::vector<std::string>{"CT", "CTA", "CTA", "CTA"});
  config.inject_effnet = reader.booleans("inject_effnet", config.inject_effnet);
  config.effnet_embd = reader.size("effnet_embd", 1, 1024, config.effnet_embd);
  config.clip_embd = reader.size("clip_embd", 1, 16384, config.clip_embd);
  config.kernel_size = reader.size("kernel_size", 1, 31, config.kernel_size);

  if (config.levels() == 0 || config.levels() > 8)
    reader.fail("c_hidden", "expected 1 to 8 levels, found " + std::to_string(config.levels()));
  const auto expect_one_per_level = [&](std::string_view key, std::size_t count) {
    if (count != config.levels()) {
      reader.fail(key, "expected one entry for each of the " + std::to_string(config.levels()) + " levels of c_hidden, found " +
                           std::to_string(count));
    }
  };
  expect_one_per_level("nhead", config.nhead.size());
  expect_one_per_level("blocks", config.blocks.size());
  expect_one_per_level("level_config", level_config.size());
  expect_one_per_level("inject_effnet", config.inject_effnet.size());
  if (config.c_in != config.c_out)
    reader.fail("c_out", "expected c_in " + std::to_string(config.c_in) + ", found " + std::to_string(config.c_out));
  if (config.kernel_size % 2 == 0) reader.fail("kernel_size", "expected an odd number, found " + std::to_string(config.kernel_size));
  for (std::size_t i = 0; i < config.levels(); ++i) {
    config.level_config.push_back(block_types(reader, level_config[i]));
    const long long heads = config.nhead[i];
    const bool too_many = heads >= 1 && static_cast<std::size_t>(heads) > config.c_hidden[i];
    if (contains(config.level_config[i], BlockType::attention) && (heads < 1 || too_many)) {
      reader.fail("nhead",
                  "expected 1 to " + std::to_string(config.c_hidden[i]) + " for a level with attention, found " + std::to_string(heads));
    }
  }
  return config;
}

std::vector<DecoderBlock> DecoderConfig::block_list() const {
  std::vector<DecoderBlock> list;
  const auto add_level = [&](std::size_t level, const std::string& path, std::size_t first_index, std::size_t mapper, bool joins_skip) {
    std::size_t index = first_index;
    for (std::size_t repeat = 0; repeat < blocks[level]; ++repeat) {
      for (const BlockType type : level_config[level]) {
        DecoderBlock block{.type = type, .level = level, .path = path + std::to_string(index), .effnet_mapper = {}};
        if (type == BlockType::residual) {
          if (inject_effnet[level]) block.effnet_mapper = "effnet_mappers." + std::to_string(mapper);
          block.joins_skip = joins_skip && index == first_index;
        }
        list.push_back(std::move(block));
        ++index;
      }
    }
    return index;
  };
  for (std::size_t level = 0; level < levels(); ++level) {
    const std::string path = "down_blocks." + std::to_string(level) + ".";
    if (level > 0) list.push_back({.type = BlockType::downscale, .level = level - 1, .path = path + "0", .effnet_mapper = {}});
    add_level(level, path, level > 0 ? 1 : 0, level, false);
  }
  for (std::size_t level = levels(); level-- > 0;) {
    const std::size_t position = levels() - 1 - level;  // up_blocks starts with the deepest level
    const std::string path = "up_blocks." + std::to_string(position) + ".";
    const std::size_t index = add_level(level, path, 0, levels() + position, level + 1 < levels());
    if (level > 0) list.push_back({.type = BlockType::upscale, .level = level, .path = path + std::to_string(index), .effnet_mapper = {}});
  }
  return list;
}

}  // namespace p2p::engine::wuerstchen
