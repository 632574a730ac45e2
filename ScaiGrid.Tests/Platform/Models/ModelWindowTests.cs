using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

/// <summary>A model's largest output and its context window.</summary>
public sealed class ModelWindowTests(Grid grid) : ServicesTest(grid)
{
    /// <summary>Earlier imports stored such limits, and some clients send back everything they have read.</summary>
    [Fact]
    public async Task LimitsAboveTheWindow_AreRefused_OnlyIfTheyAreNew()
    {
        var id = (string)(await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug(), context_window = 8192, max_output_tokens = 4096 })).Created()["id"]!;
        await Services.MariaDb.ExecuteAsync("UPDATE models SET max_output_tokens = 16384 WHERE id = @id", ("id", id));
        var changed = (await Admin.PutAsync($"/v1/models/{id}", new { description = "Changed", context_window = 8192, max_output_tokens = 16384 })).Ok();
        Assert.Equal("Changed", (string?)changed["description"]);
        (await Admin.PutAsync($"/v1/models/{id}", new { context_window = 8192, max_output_tokens = 16385 })).Error(422, "VALIDATION_ERROR");
    }
}
