using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>What upstreams of our own format judge themselves, and a translation would make something else of.</summary>
internal static class ConversationRules
{
    public static void Check(RequestDocument request)
    {
        request.RefuseOtherTools();
        CheckMessages(request);
        CheckChoice(request);
    }

    private static void CheckMessages(RequestDocument request)
    {
        var index = 0;
        foreach (var message in request.Messages)
        {
            switch (JsonText.Of(message, "role"u8))
            {
                case "system" or "developer" or "user" or "assistant":
                    break;
                case "tool" or "function":
                    if (JsonText.Of(message, "tool_call_id"u8) is null or "")
                    {
                        request.Refuse($"messages[{index}].tool_call_id", "is missing: a tool's result names the call that it answers.");
                    }

                    break;
                default:
                    request.Refuse($"messages[{index}].role", "is none that this model knows: system, developer, user, assistant or tool.");
                    break;
            }

            index++;
        }
    }

    private static void CheckChoice(RequestDocument request)
    {
        var choice = ToolChoice.Of(request.Root);
        if (choice.Names.Count == 0)
        {
            return;
        }

        var known = request.Functions.Select(function => JsonText.Of(function, "name"u8)).ToHashSet();
        if (!choice.Names.All(known.Contains))
        {
            request.Refuse("tool_choice", "names a function that is not among the tools.");
        }
    }
}
