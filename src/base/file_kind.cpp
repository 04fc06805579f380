#include "base/file_kind.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "base/text.hpp"

namespace p2p {
namespace {

namespace fs = std::filesystem;
using enum FileGroup;
using namespace std::string_view_literals;

struct Signature {
  std::size_t offset;
  std::string_view bytes;
  FileKind kind;
  std::string_view inside = "";  ///< occurs somewhere in the head, too
};

constexpr FileKind kSafetensors{"a safetensors file", safetensors};
constexpr FileKind kPickle{
    "a PyTorch pickle, which can run code when it is loaded", weights,
    "get the .safetensors version of the model, or convert the file where you trust it, with its publisher's library: "
    "save_pretrained(..., safe_serialization=True)"};
constexpr FileKind kTensorFlow{"a TensorFlow model", weights};

/// The first that matches counts.
constexpr auto kSignatures = std::to_array<Signature>({
    {0,
     "version https://git-lfs.github.com/"sv,
     {"a Git LFS pointer in place of the file", download, "run git lfs pull in its repository, or download the file again"}},
    {0, "PK\3\4"sv, kPickle, ".pkl"},
    {0, "PK\3\4"sv, {"a NumPy archive (.npz)", weights}, ".npy"},
    {0, "PK\3\4"sv, {"a zip archive", archive}},
    {0, "PK\5\6"sv, {"an empty zip archive", archive}},
    {0, "\x80\2"sv, kPickle},
    {0, "\x80\3"sv, kPickle},
    {0, "\x80\4"sv, kPickle},
    {0, "\x80\5"sv, kPickle},
    {0, "GGUF"sv, {"a GGUF file, the format of llama.cpp and stable-diffusion.cpp", weights}},
    {0, "lmgg"sv, {"a GGML file, the format of llama.cpp", weights}},
    {0, "tjgg"sv, {"a GGML file, the format of llama.cpp", weights}},
    {0, "\x89HDF\r\n\x1a\n"sv, {"an HDF5 file of Keras or TensorFlow (.h5)", weights}},
    {0, "\x93NUMPY"sv, {"a NumPy array (.npy)", weights}},
    {4, "TFL3"sv, {"a TensorFlow Lite model", weights}},
    {0, "\x08\x01\x12"sv, kTensorFlow},
    {0, "ftrt"sv, {"a TensorRT engine", weights}},
    {257, "ustar"sv, {"a tar archive", archive}},
    {0, "\x1f\x8b"sv, {"a gzip archive", archive}},
    {0, "7z\xbc\xaf\x27\x1c"sv, {"a 7z archive", archive}},
    {0, "Rar!\x1a\7"sv, {"a rar archive", archive}},
    {0, "\x28\xb5\x2f\xfd"sv, {"a zstd archive", archive}},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     {"an xz archive", archive}},
    {0, "BZh"sv, {"a bzip2 archive", archive}},
    {0, "\x04\x22\x4d\x18"sv, {"an lz4 archive", archive}},
    {0, "\x89PNG\r\n\x1a\n"sv, {"a PNG picture", picture}},
    {0, "\xff\xd8\xff"sv, {"a JPEG picture", picture}},
    {0, "RIFF"sv, {"a WebP picture", picture}, "WEBP"},
    {0, "RIFF"sv, {"an AVI video or a WAV sound"}},
    {0, "GIF8"sv, {"a GIF picture", picture}},
    {0, "II*\0"sv, {"a TIFF picture", picture}},
    {0, "MM\0*"sv, {"a TIFF picture", picture}},
    {0, "8BPS"sv, {"a Photoshop picture", picture}},
    {0, "\xff\x0a"sv, {"a JPEG XL picture", picture}},
    {0, "\0\0\0\x0cJXL "sv, {"a JPEG XL picture", picture}},
    {0, "\0\0\0\x0cjP  "sv, {"a JPEG 2000 picture", picture}},
    {0, "\0\0\1\0"sv, {"an icon", picture}},
    {4, "ftypavif"sv, {"an AVIF picture", picture}},
    {4, "ftyphei"sv, {"a HEIC picture", picture}},
    {4, "ftypmif1"sv, {"a HEIC picture", picture}},
    {4, "ftyp"sv, {"a video (MP4)"}},
    {0, "\x1a\x45\xdf\xa3"sv, {"a video (Matroska or WebM)"}},
    {0, "OggS"sv, {"a sound or video (Ogg)"}},
    {0, "ID3"sv, {"a sound (MP3)"}},
    {0, "%PDF"sv, {"a PDF document"}},
    {0,
     "\x7f"
     "ELF"sv,
     {"a Linux program or library"}},
    {0, "MZ"sv, {"a Windows program or library"}},
    {0, "\xcf\xfa\xed\xfe"sv, {"a macOS program or library"}},
    {0, "\xca\xfe\xba\xbe"sv, {"a Java class or a macOS program"}},
    {0, "L\0\0\0\1\x14\2\0"sv, {"a Windows shortcut", other, "give the file that it leads to"}},
    {0, "SQLite format 3\0"sv, {"an SQLite database"}},
    {0, "PAR1"sv, {"a Parquet table"}},
    {0, "ARROW1"sv, {"an Arrow table"}},
    {0, "BM"sv, {"a BMP picture", picture}},
    {0,
     "d8:announce"sv,
     {"a torrent, not the file that it downloads", download, "open it in a BitTorrent program, and give what that downloads"}},
});

/// By the first letters of a text without the spaces before it, in lower case.
constexpr auto kTexts = std::to_array<Signature>({
    {0, "<?xml", {"a model of OpenVINO (its .xml)", weights}, "<net "},
    {0, "<net ", {"a model of OpenVINO (its .xml)", weights}},
    {0, "<?xml", {"an SVG drawing", picture}, "<svg"},
    {0, "<svg", {"an SVG drawing", picture}},
    {0,
     "<",
     {"a web page (HTML)", download, "download the file itself: sites show a page where they want a login or a licence accepted"},
     "<html"},
    {0,
     "<!doctype html",
     {"a web page (HTML)", download, "download the file itself: sites show a page where they want a login or a licence accepted"}},
    {0, "<", {"an XML document, perhaps a server's answer with an error", download, "look into it and download the file again"}},
    {0, "{", {"a configuration in JSON", other, "give the folder that it lies in"}, "\"_class_name\""},
    {0, "{", {"an index of shards in JSON", other, "give the folder that it lies in"}, "\"weight_map\""},
    {0, "{", {"JSON, perhaps a server's answer with an error", download, "look into it and download the file again"}},
    {0, "[", {"JSON, perhaps a server's answer with an error", download, "look into it and download the file again"}},
    {0, "#!", {"a script"}},
    {0, "", {"a text", download, "look into it: it may be a server's answer with an error"}},
});

constexpr FileKind kZeros{"nothing but zeros, of a download that has not ended or a damaged disk", download, "download the file again"};
constexpr FileKind kNothing{"an empty file", download, "download the file again"};
constexpr FileKind kUtf16{"a text in UTF-16", download, "look into it: it may be a server's answer with an error"};
constexpr FileKind kOnnx{"an ONNX model", weights};
constexpr FileKind kMsgpack{"a model of Flax (.msgpack)", weights};
constexpr FileKind kOpenVino{"the weights of an OpenVINO model (its .bin)", weights};
constexpr FileKind kPartial{"a part of a download that has not ended", download, "finish the download, which gives the file its own name"};

constexpr std::array<std::string_view, 10> kPartialEndings{".aria2",      ".crdownload", ".part", ".partial", ".download",
                                                           ".opdownload", ".incomplete", ".!ut",  ".!qb",     ".tmp"};

bool matches(std::string_view head, const Signature& signature, bool text) {
  constexpr std::size_t kShort = 3;  // texts may begin so
  if (text && signature.bytes.size() <= kShort) return false;
  return head.size() >= signature.offset && head.substr(signature.offset).starts_with(signature.bytes) &&
         head.find(signature.inside) != head.npos;
}

unsigned byte(std::string_view head, std::size_t at) { return at < head.size() ? static_cast<unsigned char>(head[at]) : 0; }

/// The length of the header, eight bytes, then the header, which is JSON.
bool begins_like_safetensors(std::string_view head) {
  constexpr std::size_t kLength = 8;
  constexpr unsigned kMostByte3 = 6;  // 100 MB and a little
  return byte(head, kLength) == '{' && byte(head, 3) < kMostByte3 && head.substr(4, 4) == "\0\0\0\0"sv;
}

/// A message ModelProto of Protocol Buffers: the version of its format, which is 3 or more, and then a text or the graph.
bool is_onnx(std::string_view head) {
  constexpr std::string_view kFields = "\x12\x1a\x22\x3a\x42";
  return byte(head, 0) == 8 && byte(head, 1) >= 3 && byte(head, 1) < 32 && head.size() > 2 && kFields.find(head[2]) != kFields.npos;
}

/// A map of few entries, of which the first has a short text as key.
bool is_msgpack(std::string_view head) {
  const unsigned key = byte(head, 1);
  return byte(head, 0) > 0x80 && byte(head, 0) <= 0x8f && ((key > 0xa0 && key < 0xc0) || key == 0xd9);
}

bool is_text(std::string_view head) {
  return std::ranges::all_of(head, [](char c) {
    const auto code = static_cast<unsigned char>(c);
    return code >= ' ' ? code != 0x7f && code < 0xf5 : c == '\n' || c == '\r' || c == '\t' || c == '\f';
  });
}

const FileKind* text_kind(std::string_view head) {
  if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
  head.remove_prefix(std::min(head.find_first_not_of(" \t\r\n\f"), head.size()));
  const std::string text = to_lower(std::string(head));
  return &std::ranges::find_if(kTexts, [&](const Signature& each) { return matches(text, each, false); })->kind;
}

/// Nothing if it cannot be read.
std::string head_of(const fs::path& file) {
  std::string head(kFileHead, '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(stream.gcount()));
  return head;
}

std::string_view remedy_of(const FileKind& kind, const Expected& expected) {
  if (kind.group == picture && expected.picture) return "convert it to one of these";
  if (!kind.remedy.empty() && (!expected.picture || kind.group == download)) return kind.remedy;
  if (expected.picture) return "give the picture's file";
  if (kind.group == weights) return "get it as .safetensors or as a folder in the layout of diffusers";
  if (kind.group == archive) return "unpack it and give what is inside";
  return "give the file of the model";
}

std::string sentence_of(const FileKind& kind, const Expected& expected) {
  return "expected " + std::string(expected.name) + ", found " + std::string(kind.name) + "; " + std::string(remedy_of(kind, expected));
}

bool is_partial(const fs::path& file) {
  const std::string extension = to_lower(file.extension().string());
  std::error_code ignored;
  return std::ranges::find(kPartialEndings, extension) != kPartialEndings.end() || fs::exists(file.string() + ".aria2", ignored);
}

/// The data beside a model's .xml, which has no signature of its own.
bool is_openvino_data(const fs::path& file) {
  std::error_code ignored;
  return to_lower(file.extension().string()) == ".bin" &&
         (file.stem().string().starts_with("openvino_") || fs::exists(fs::path(file).replace_extension(".xml"), ignored));
}

}  // namespace

const FileKind* file_kind(std::string_view head) {
  head = head.substr(0, kFileHead);
  if (head.empty()) return &kNothing;
  if (begins_like_safetensors(head)) return &kSafetensors;
  if (std::ranges::all_of(head, [](char c) { return c == '\0'; })) return &kZeros;
  const bool text = is_text(head);
  const auto* const found = std::ranges::find_if(kSignatures, [&](const Signature& each) { return matches(head, each, text); });
  if (found != kSignatures.end()) return &found->kind;
  if (head.starts_with("\xff\xfe") || head.starts_with("\xfe\xff")) return &kUtf16;
  if (is_onnx(head)) return &kOnnx;
  if (is_msgpack(head)) return &kMsgpack;
  return text ? text_kind(head) : nullptr;
}

bool is_safetensors(const fs::path& file) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored) && begins_like_safetensors(head_of(file));
}

std::string wrong_content(std::string_view head, const Expected& expected) {
  const FileKind* const kind = file_kind(head);
  return sentence_of(kind ? *kind : FileKind{"a file of an unknown kind"}, expected);
}

std::string wrong_file(const fs::path& file, const Expected& expected) {
  const std::string start = file.string() + ": ";
  const std::string wanted = "expected " + std::string(expected.name) + ", found ";
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found && fs::is_symlink(fs::symlink_status(file, error)))
    return start + wanted + "a link to " + fs::read_symlink(file, error).string() + ", which does not exist; download that file again";
  if (status.type() == fs::file_type::not_found) return start + "there is no such file; check its name";
  if (fs::is_directory(status)) return start + wanted + "a folder; give the file in it";
  if (error) return start + "cannot be read: " + error.message() + "; change the permissions of the file or of its folder";
  if (!fs::is_regular_file(status)) return start + wanted + "a pipe or a device; give a file";
  if (std::ifstream stream(file, std::ios::binary); !stream)
    return start + "cannot be read: " + std::generic_category().message(errno) + "; change its permissions";
  return wrong_file(file, head_of(file), expected);
}

std::string wrong_file(const fs::path& file, std::string_view head, const Expected& expected) {
  const std::string start = file.string() + ": ";
  if (is_partial(file)) return start + sentence_of(kPartial, expected);
  if (!file_kind(head) && is_openvino_data(file)) return start + sentence_of(kOpenVino, expected);
  return start + wrong_content(head, expected);
}

}  // namespace p2p
