using System.Net.Http.Headers;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

public sealed class AvatarTests(Grid grid) : GridTest(grid)
{
    private static readonly byte[] Png = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 1, 2, 3];

    [Fact]
    public async Task Avatar_IsPublic_TypedByItsBytes_AndReplaced()
    {
        var model = await CreateModelAsync();
        var stored = await SendAsync(model, Png, "text/html");
        Assert.True(stored.IsSuccessStatusCode, await stored.Content.ReadAsStringAsync());
        using var nobody = Admin.As(null);
        using var shown = await nobody.Http.GetAsync(new Uri($"/v1/models/{model}/avatar", UriKind.Relative));
        Assert.Equal(Png, await shown.Content.ReadAsByteArrayAsync());
        Assert.Equal("image/png", shown.Content.Headers.ContentType!.MediaType);
        Assert.Equal("nosniff", shown.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Contains("sandbox", shown.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);

        using var again = new HttpRequestMessage(HttpMethod.Get, $"/v1/models/{model}/avatar");
        again.Headers.IfNoneMatch.Add(shown.Headers.ETag!);
        using var unchanged = await nobody.Http.SendAsync(again);
        Assert.Equal(304, (int)unchanged.StatusCode);

        using var form = new MultipartFormDataContent { { new ByteArrayContent([0xFF, 0xD8, 0xFF, 0xE0, 9]), "file", "avatar.png" } };
        using var replaced = await Admin.Http.PostAsync(new Uri($"/v1/models/{model}/avatar", UriKind.Relative), form);
        Assert.True(replaced.IsSuccessStatusCode, await replaced.Content.ReadAsStringAsync());
        using var second = await nobody.Http.GetAsync(new Uri($"/v1/models/{model}/avatar", UriKind.Relative));
        Assert.Equal("image/jpeg", second.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task DeletedAvatar_IsGone_AndTheAuditLogSaysSo()
    {
        var model = await CreateModelAsync();
        using var stored = await SendAsync(model, Png, "image/png");
        Assert.True(stored.IsSuccessStatusCode, await stored.Content.ReadAsStringAsync());

        Assert.Equal(204, (int)(await Admin.DeleteAsync($"/v1/models/{model}/avatar")).Status);

        (await Admin.GetAsync($"/v1/models/{model}/avatar")).Error(404, "NOT_FOUND");
        (await Admin.DeleteAsync($"/v1/models/{model}/avatar")).NoContent();
        (await Admin.DeleteAsync("/v1/models/mdl_01ARZ3NDEKTSV4RRFFQ69G5FAV/avatar")).Error(404, "MODEL_NOT_FOUND");
        Assert.Equal(2, (await Admin.GetAsync($"/v1/audit-log?resource_id={model}&action=model.avatar_delete&status=SUCCESS")).Ok()["items"]!.AsArray().Count);
    }

    [Fact]
    public async Task WhatIsNoImage_OrTooLarge_IsRefused()
    {
        var model = await CreateModelAsync();
        Assert.Equal(415, (int)(await SendAsync(model, "<svg xmlns='http://www.w3.org/2000/svg'/>"u8.ToArray(), "image/svg+xml")).StatusCode);
        Assert.Equal(415, (int)(await SendAsync(model, [], "image/png")).StatusCode);
        Assert.Equal(413, (int)(await SendAsync(model, [.. Png, .. new byte[256 * 1024]], "image/png")).StatusCode);
        (await Admin.GetAsync($"/v1/models/{model}/avatar")).Error(404, "NOT_FOUND");
        Assert.Equal(404, (int)(await SendAsync("mdl_01ARZ3NDEKTSV4RRFFQ69G5FAV", Png, "image/png")).StatusCode);
        using var nobody = Admin.As(null);
        Assert.Equal(401, (int)(await SendAsync(model, Png, "image/png", nobody)).StatusCode);
    }

    [Theory]
    [InlineData("multipart/form-data", "--x\r\n")]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nnonsense")]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n\u0089PNG")]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nno header\r\n\r\n--x--\r\n")]
    public async Task FormThatCannotBeRead_IsRefused(string type, string form) =>
        (await Admin.SendAsync(HttpMethod.Post, $"/v1/models/{await CreateModelAsync()}/avatar", form, type)).Error(400, "BAD_REQUEST");

    private async Task<string> CreateModelAsync() => (string)(await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug() })).Created()["id"]!;

    private async Task<HttpResponseMessage> SendAsync(string model, byte[] bytes, string type, ApiDriver? api = null)
    {
        using var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = new MediaTypeHeaderValue(type);
        return await (api ?? Admin).Http.PostAsync(new Uri($"/v1/models/{model}/avatar", UriKind.Relative), content);
    }
}
