#include "services/requests/russian.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

namespace p2p::requests {
namespace {

struct Form {
  std::string_view code;
  std::string_view ru;
};

/// By the code of a sentence. They follow "Такое нарисовать нельзя: " or "Обратите внимание: ".
constexpr std::array kForms{
    Form{"and_in_negative", "AND объединяет только части описания; в том, чего не рисовать, оно прочитано как слово"},
    Form{"clip_skip_out_of_range", "clip skip не может быть больше числа слоёв кодировщика текста ({0}), а задано {1}"},
    Form{"clip_skip_too_small", "clip skip может быть от 1 (последний слой), а задано {0}"},
    Form{"editing_literal", "скобки, которые не складываются в [было:стало:когда] или [а|б], и знак | вне их прочитаны как слова"},
    Form{"field_unknown", "поле {0} неизвестно и не учтено"},
    Form{"field_unsupported", "поле {0} не поддерживается и не учтено"},
    Form{"image_side_out_of_range", "сторона исходной картинки — {2} пикселей, а может быть от {0} до {1}. Задайте размер результата"},
    Form{"lcm_steps", "этой модели можно задать не больше {0} шагов, а задано {1}"},
    Form{"lcm_strength",
         "сила изменений (strength) {0} слишком мала для {3} шагов: из {2}, которым обучена модель, остаётся {1}. Увеличьте силу"},
    Form{"lora_in_negative", "LoRA указываются только в описании; указанные в том, чего не рисовать, прочитаны как слова"},
    Form{"lora_options", "у LoRA {0} учтён только вес; веса блоков и другие настройки пропущены"},
    Form{"lora_part", "LoRA {0} подошла не полностью: для {1} из {2} её тензоров, например {3}, в этой модели нет слоя, они не учтены"},
    Form{"lora_weight", "вес LoRA {0} может быть от −100 до 100"},
    Form{"lora_without_weight", "LoRA {0} не применена: вес должен быть числом, а указано {1}"},
    Form{"nearest_size", "картинка нарисована размером {0}: это ближайший к {1} размер, доступный модели"},
    Form{"negative_prompt_cut", "описание того, чего не рисовать, длиннее, чем читает модель: последние токены ({0}) не учтены"},
    Form{"no_clip_skip", "у этой модели нет настройки clip skip, она не учтена"},
    Form{"no_image", "эта модель не умеет начинать с картинки"},
    Form{"no_such_lora", "нет LoRA с названием {0}"},
    Form{"no_such_sampler", "нет сэмплера {0}; есть {1}"},
    Form{"no_upscale", "эта модель не умеет рисовать крупнее"},
    Form{"own_sampler_only", "у этой модели только собственный сэмплер, другой выбрать нельзя"},
    Form{"picture_damaged",
         "исходная картинка не читается. Нужен неповреждённый PNG или JPEG, не в CMYK, до 8192 пикселей по каждой стороне"},
    Form{"picture_scaled",
         "картинка нарисована размером {0}: исходная ({1}) больше, чем обычно рисует модель. Чтобы получить крупнее, задайте размер"},
    Form{"pndm_steps", "сэмплеру pndm с этой моделью нужно не меньше 4 шагов, а задано {0}"},
    Form{"prompt_cut", "описание длиннее, чем читает модель: последние токены ({0}) не учтены"},
    Form{"prompt_literal",
         "эта модель читает описание буквально: (слово:1.2), [было:стало:когда], [а|б], AND, BREAK и <lora:...> для неё — обычные слова"},
    Form{"prompt_weight", "число {0} в конце описания прочитано как его вес; чтобы оно было частью описания, поставьте в конце запятую"},
    Form{"sampler_replaced", "сэмплера {0} нет; нарисовано ближайшим к нему: {1}"},
    Form{"scheduler_keys_unknown", "неизвестные ключи в {0} не учтены: {1}"},
    Form{"side_impossible", "модель не рисует картинки со стороной {0} пикселей"},
    Form{"side_out_of_range", "ширина и высота могут быть от 1 до {0} пикселей, а задано {1}"},
    Form{"size_too_large", "размер {0} слишком большой: рисуется не больше {1} пикселей"},
    Form{"steps_out_of_range", "шагов может быть от 1 до {0}, а задано {1}"},
    Form{"stray_tensors", "в модели {0} есть тензоры, которые её сети не используют ({1}), например {2}; они не учтены"},
    Form{"strength_alone", "сила изменений (strength) нужна только для исходной картинки, похожей или более крупной"},
    Form{"strength_too_low", "при силе изменений (strength) {0} из {1} шагов не остаётся ни одного. Увеличьте силу или число шагов"},
    Form{"strength_without_variations", "сила изменений (strength) у этой модели нужна только для похожей картинки"},
    Form{"takes_no_pictures", "модель {0} не умеет начинать с картинки"},
    Form{"too_many_loras", "LoRA может быть не больше {0}, а задано {1}"},
    Form{"too_many_prompt_parts", "в описании через AND объединено {0} частей, а может быть не больше {1}"},
    Form{"too_many_steps", "слишком много шагов для этой модели; задайте меньше"},
    Form{"too_many_texts", "при таких [а|б] и [было:стало:когда] получается {0} разных описаний — слишком много для их длины"},
    Form{"unknown_tag", "пометка {0} пропущена: поддерживается только <lora:ИМЯ:ВЕС>"},
    Form{"upscale_out_of_range", "увеличение (upscale) может быть больше 1 и не больше 4, а задано {0}"},
    Form{"upscaled_too_large",
         "увеличенная картинка может иметь до {0} пикселей по каждой стороне, а получилось бы {1}. Уменьшите размер или увеличение"},
};

}  // namespace

std::optional<std::string> in_russian(const Sentence& sentence) try {
  const auto* const form = std::ranges::find(kForms, sentence.code, &Form::code);
  if (form == kForms.end()) return std::nullopt;
  return fill(form->ru, sentence.values);
} catch (const std::out_of_range&) {
  return std::nullopt;  // another version of the sentence has fewer values
}

}  // namespace p2p::requests
