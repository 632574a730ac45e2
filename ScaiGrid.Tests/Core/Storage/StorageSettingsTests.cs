using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Storage;
using Xunit;

namespace ScaiGrid.Tests.Core.Storage;

public sealed class StorageSettingsTests
{
    [Fact]
    public void EndpointAlone_NamesWhatIsMissing()
    {
        var message = MistakesOf(("SCAIGRID_S3_ENDPOINT", "http://127.0.0.1:9"));

        Assert.Contains("SCAIGRID_S3_BUCKET: is needed", message, StringComparison.Ordinal);
        Assert.Contains("SCAIGRID_S3_ACCESS_KEY_ID: is needed", message, StringComparison.Ordinal);
        Assert.Contains("SCAIGRID_S3_SECRET_ACCESS_KEY: is needed", message, StringComparison.Ordinal);
    }

    [Fact]
    public void BucketWithoutEndpoint_IsAMistake_NotDisk() =>
        Assert.Contains("SCAIGRID_S3_ENDPOINT: ", MistakesOf(("SCAIGRID_S3_BUCKET", "grid")), StringComparison.Ordinal);

    [Fact]
    public void NothingSet_IsDisk() => Assert.Equal("", MistakesOf());

    [Theory]
    [InlineData("a", true)]
    [InlineData("a/b.c/…", true)]
    [InlineData("..a/b..", true)]
    [InlineData("", false)]
    [InlineData("/a", false)]
    [InlineData("a/", false)]
    [InlineData("a//b", false)]
    [InlineData("a/../b", false)]
    [InlineData("./a", false)]
    [InlineData("a\nb", false)]
    public void Key_IsValidOrNot(string key, bool valid) => Assert.Equal(valid, BlobKey.IsValid(key));

    [Fact]
    public void Key_HasAtMost1024Bytes()
    {
        Assert.True(BlobKey.IsValid(new string('x', 1024)));
        Assert.False(BlobKey.IsValid(new string('x', 1025)));
        Assert.False(BlobKey.IsValid(new string('ä', 513)));
    }

    [Fact]
    public void KeyWithHalfACharacter_IsNotValid() => Assert.False(BlobKey.IsValid("a" + (char)0xd800));

    private static string MistakesOf(params (string Name, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        foreach (var (name, value) in settings)
        {
            builder.Configuration[name] = value;
        }

        builder.AddBlobStore();
        try
        {
            builder.CheckSettings();
            return "";
        }
        catch (SettingsException exception)
        {
            return exception.Message;
        }
    }
}
